//! The small language in which the shapes of both APIs are written, read into JSON Schema.

use serde_json::{Map, Value, json};

/// Deepest nesting of a type; the texts are ours, so this guards against a slip, not an attack.
const DEPTH_MAX: usize = 32;

/// What a file says.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    /// JSON Schemas by the name of the type.
    pub schemas: Map<String, Value>,
    /// Operations by id.
    pub operations: Vec<(String, Shape)>,
}

/// What one operation takes and answers.
#[derive(Debug, Default)]
pub(super) struct Shape {
    /// Query parameters: name, whether it must be there, schema.
    pub query: Vec<(String, bool, Value)>,
    /// The request's body.
    pub body: Option<Value>,
    /// Status and body of the good answers.
    pub answers: Vec<(u16, Option<Value>)>,
}

/// Reads a file; the error names what was expected and what stood there.
pub(super) fn read(text: &str) -> Result<Shapes, String> {
    let mut reader = Reader { tokens: tokens(text)?, at: 0, depth: 0 };
    let mut shapes = Shapes::default();
    while let Some(token) = reader.next() {
        match token {
            Token::Word(word) if word == "type" => {
                let name = reader.word()?;
                reader.expect("=")?;
                let schema = reader.union()?;
                shapes.schemas.insert(name, schema);
            }
            Token::Word(word) if word == "op" => {
                let id = reader.name()?;
                let shape = reader.shape()?;
                shapes.operations.push((id, shape));
            }
            other => return Err(format!("`type` or `op` was expected, not {other:?}")),
        }
    }
    Ok(shapes)
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Mark(&'static str),
}

const MARKS: [&str; 13] = ["->", "[]", "{", "}", "(", ")", "|", "&", "?", ":", ",", "=", "*"];

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut list = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let taken = if let Some(quoted) = rest.strip_prefix('"') {
                let end = quoted.find('"').ok_or_else(|| format!("a quote is not closed: {line}"))?;
                list.push(Token::Text(quoted[..end].to_owned()));
                end + 2
            } else if first.is_ascii_alphanumeric() || first == '_' {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
                list.push(Token::Word(rest[..end].to_owned()));
                end
            } else {
                let mark = MARKS.iter().find(|mark| rest.starts_with(**mark));
                let mark = mark.ok_or_else(|| format!("an unknown sign in: {line}"))?;
                list.push(Token::Mark(mark));
                mark.len()
            };
            rest = rest[taken..].trim_start();
        }
    }
    Ok(list)
}

struct Reader {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Reader {
    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn is_next(&self, mark: &str) -> bool {
        matches!(self.tokens.get(self.at), Some(Token::Mark(found)) if *found == mark)
    }

    fn take(&mut self, mark: &str) -> bool {
        let is_there = self.is_next(mark);
        self.at += usize::from(is_there);
        is_there
    }

    fn expect(&mut self, mark: &str) -> Result<(), String> {
        if self.take(mark) {
            return Ok(());
        }
        Err(format!(
            "`{mark}` was expected before {:?}",
            self.tokens.get(self.at..).map(|rest| rest.iter().take(6).collect::<Vec<_>>())
        ))
    }

    fn word(&mut self) -> Result<String, String> {
        match self.next() {
            Some(Token::Word(word)) => Ok(word),
            other => Err(format!("a word was expected, not {other:?}")),
        }
    }

    /// A word, or a quoted text where a name has other signs in it.
    fn name(&mut self) -> Result<String, String> {
        match self.next() {
            Some(Token::Word(name) | Token::Text(name)) => Ok(name),
            other => Err(format!("a name was expected, not {other:?}")),
        }
    }

    fn shape(&mut self) -> Result<Shape, String> {
        let mut shape = Shape::default();
        if self.take("(") {
            while !self.take(")") {
                let name = self.name()?;
                let is_optional = self.take("?");
                self.expect(":")?;
                shape.query.push((name, !is_optional, self.union()?));
                self.take(",");
            }
        }
        if matches!(self.tokens.get(self.at), Some(Token::Word(word)) if word == "body") {
            self.at += 1;
            shape.body = Some(self.union()?);
        }
        self.expect("->")?;
        loop {
            let status = self.word()?;
            let status = status.parse().map_err(|_| format!("a status was expected, not {status}"))?;
            let has_body = match self.tokens.get(self.at) {
                Some(Token::Word(word)) => word != "op" && word != "type",
                Some(Token::Mark(mark)) => *mark != ",",
                Some(Token::Text(_)) => true,
                None => false,
            };
            let body = if has_body { Some(self.union()?) } else { None };
            shape.answers.push((status, body));
            if !self.take(",") {
                return Ok(shape);
            }
        }
    }

    /// `A | B | …`
    fn union(&mut self) -> Result<Value, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("a type is nested too deeply".into());
        }
        let mut parts = vec![self.intersection()?];
        while self.take("|") {
            parts.push(self.intersection()?);
        }
        self.depth -= 1;
        Ok(one_of(parts))
    }

    /// `A & B & …`
    fn intersection(&mut self) -> Result<Value, String> {
        let mut parts = vec![self.list()?];
        while self.take("&") {
            parts.push(self.list()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { json!({ "allOf": parts }) })
    }

    /// `A[]`
    fn list(&mut self) -> Result<Value, String> {
        let mut schema = self.atom()?;
        while self.take("[]") {
            schema = json!({"type": "array", "items": schema});
        }
        Ok(schema)
    }

    fn atom(&mut self) -> Result<Value, String> {
        match self.next() {
            Some(Token::Mark("(")) => {
                let schema = self.union()?;
                self.expect(")")?;
                Ok(schema)
            }
            Some(Token::Mark("{")) => self.object(),
            Some(Token::Text(text)) => Ok(json!({ "enum": [text] })),
            Some(Token::Word(word)) => Ok(named(&word)),
            other => Err(format!("a type was expected, not {other:?}")),
        }
    }

    fn object(&mut self) -> Result<Value, String> {
        let mut properties = Map::new();
        let mut required = Vec::new();
        let mut schema = json!({"type": "object"});
        while !self.take("}") {
            if self.take("*") {
                self.expect(":")?;
                let others = self.union()?;
                schema["additionalProperties"] = if others == named("never") { json!(false) } else { others };
            } else {
                let name = self.name()?;
                if !self.take("?") {
                    required.push(name.clone());
                }
                self.expect(":")?;
                properties.insert(name, self.union()?);
            }
            self.take(",");
        }
        if !properties.is_empty() {
            schema["properties"] = properties.into();
        }
        if !required.is_empty() {
            schema["required"] = required.into();
        }
        Ok(schema)
    }
}

fn named(word: &str) -> Value {
    match word {
        "any" => json!({}),
        "never" => json!({"not": {}}),
        "object" | "string" | "number" | "null" => json!({ "type": word }),
        "int" => json!({"type": "integer"}),
        "bool" => json!({"type": "boolean"}),
        "datetime" => json!({"type": "string", "format": "date-time"}),
        "uuid" | "uri" => json!({"type": "string", "format": word}),
        _ => json!({"$ref": format!("#/components/schemas/{word}")}),
    }
}

/// One schema for a union: texts become one `enum`, a lone type with null becomes a list of types.
fn one_of(parts: Vec<Value>) -> Value {
    if parts.len() == 1 {
        return parts.into_iter().next().unwrap_or_default();
    }
    let is_null = |part: &Value| *part == named("null");
    let is_nullable = parts.iter().any(is_null);
    let (texts, mut others): (Vec<Value>, Vec<Value>) =
        parts.into_iter().filter(|part| !is_null(part)).partition(|part| part.get("enum").is_some());
    let mut texts: Vec<Value> =
        texts.iter().flat_map(|part| part["enum"].as_array().cloned().unwrap_or_default()).collect();
    if !texts.is_empty() {
        if is_nullable {
            texts.push(Value::Null);
        }
        others.push(json!({ "enum": texts }));
    } else if is_nullable {
        match others.as_mut_slice() {
            [only] if only["type"].is_string() => only["type"] = json!([only["type"], "null"]),
            _ => others.push(named("null")),
        }
    }
    if others.len() == 1 { others.remove(0) } else { json!({ "anyOf": others }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(text: &str) -> Value {
        let shapes = read(&format!("type T = {text}")).unwrap_or_else(|problem| panic!("{text}: {problem}"));
        shapes.schemas["T"].clone()
    }

    #[test]
    fn types_become_schemas() {
        for (text, want) in [
            ("string", json!({"type": "string"})),
            ("int | null", json!({"type": ["integer", "null"]})),
            ("datetime[]", json!({"type": "array", "items": {"type": "string", "format": "date-time"}})),
            (r#""a" | "b" | null"#, json!({"enum": ["a", "b", null]})),
            (r#"("a" | "b")[]"#, json!({"type": "array", "items": {"enum": ["a", "b"]}})),
            (
                "A | B",
                json!({"anyOf": [{"$ref": "#/components/schemas/A"}, {"$ref": "#/components/schemas/B"}]}),
            ),
            ("A | null", json!({"anyOf": [{"$ref": "#/components/schemas/A"}, {"type": "null"}]})),
            (
                "A & { b: any }",
                json!({"allOf": [
                {"$ref": "#/components/schemas/A"}, {"type": "object", "properties": {"b": {}}, "required": ["b"]}]}),
            ),
            (
                r#"{ "x y"?: bool, *: number }"#,
                json!({
                "type": "object", "properties": {"x y": {"type": "boolean"}}, "additionalProperties": {"type": "number"}}),
            ),
            ("{ *: never }", json!({"type": "object", "additionalProperties": false})),
        ] {
            assert_eq!(schema(text), want, "{text}");
        }
    }

    #[test]
    fn operations_have_query_body_and_answers() {
        let shapes = read(
            "op \"a (2)\" (\"x[]\"?: int[], y: string) body { a: int } -> 200 T, 204\nop b -> 204\ntype T = any",
        );
        let shapes = shapes.expect("it is right");
        let (id, first) = &shapes.operations[0];
        assert_eq!(id, "a (2)");
        assert_eq!(first.query.len(), 2);
        assert_eq!((first.query[0].0.as_str(), first.query[0].1), ("x[]", false));
        assert!(first.query[1].1);
        assert!(first.body.is_some());
        assert_eq!(first.answers, [(200, Some(named("T"))), (204, None)]);
        assert_eq!(shapes.operations[1].1.answers, [(204, None)]);
    }

    #[test]
    fn slips_are_told() {
        for text in
            ["typo T = int", "type T int", "type T = {a}", "type T = \"open", "op x -> ok", "type T = %"]
        {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(read(&format!("type T = {}int", "(".repeat(40))).is_err());
    }
}
