//! The filter `t` and the tag `t` (templates.md section 5).

use super::{Flow, Renderer};
use crate::liquid::ast::Translate;
use crate::liquid::compare::equal;
use crate::liquid::data::Warning;
use crate::liquid::error::Fail;
use crate::liquid::translations::{DEPTH_MAX, Phrase, Plural};
use crate::liquid::value::{Text, Value};

/// Named arguments of a translation: they hide everything but the loops that the translation runs itself.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub(super) arguments: Vec<(&'a str, Value<'a>)>,
    /// Loops that were running when it began.
    pub(super) loops: usize,
}

impl<'a> Renderer<'a> {
    /// `key | t: name: value`; nil when the key is in no file (T5.8).
    pub(super) fn translate(
        &mut self,
        key: &Value<'a>,
        arguments: Vec<(&'a str, Value<'a>)>,
        at: usize,
    ) -> Result<Value<'a>, Fail> {
        let key: Text<'a> = key.to_text();
        let count = arguments.iter().find(|(name, _)| *name == "count").map(|(_, value)| plural(value));
        let Some(phrase) = self.options.translations.and_then(|files| files.find(&key, count)) else {
            self.warn(Warning::MissingTranslation(key.to_string()));
            return Ok(Value::Nil);
        };
        let mut text = String::new();
        self.phrase(phrase, &key, arguments, at, &mut text)?;
        Ok(text.into())
    }

    /// `{% t %}source{% endt %}`: the source is the key, and the value where no file has it (T5.9).
    pub(super) fn translate_tag(&mut self, tag: &'a Translate, out: &mut String) -> Result<Flow, Fail> {
        let key = tag.key.of(self.source);
        match self.options.translations.and_then(|files| files.find_source(key)) {
            Some(phrase) => {
                self.phrase(phrase, key, Vec::new(), tag.at as usize, out)?;
                Ok(Flow::Next)
            }
            None => {
                self.warn(Warning::MissingTranslation(key.to_owned()));
                self.nodes(&tag.body, out)
            }
        }
    }

    /// Renders a translated text in place: it sees everything that is visible here (S35), and its own assignments end
    /// with it.
    fn phrase(
        &mut self,
        phrase: &'a Phrase,
        key: &str,
        arguments: Vec<(&'a str, Value<'a>)>,
        at: usize,
        out: &mut String,
    ) -> Result<(), Fail> {
        let inside = |line: usize, message: &str| {
            Fail::new(at, format!("in translation {key:?}, line {line}: {message}"))
        };
        let template = phrase.template().map_err(|error| inside(error.line, &error.message))?;
        if let Some(text) = template.is_static() {
            self.budget.write(at, text.len())?;
            out.push_str(text);
            return Ok(());
        }
        if self.frames.len() + self.frames_around == DEPTH_MAX {
            return Err(Fail::new(at, format!("translation {key:?} is nested deeper than {DEPTH_MAX}")));
        }
        let around = std::mem::replace(&mut self.source, template.source());
        let assigned = self.assigned.clone();
        self.frames.push(Frame { arguments, loops: self.loops.len() });
        let done = self.nodes(template.nodes(), out);
        self.frames.pop();
        self.assigned = assigned;
        self.source = around;
        done.map(drop).map_err(|fail| {
            let error = fail.locate(template.source());
            inside(error.line, &error.message)
        })
    }
}

/// Only 0 and 1 have forms of their own (T5.7).
fn plural(count: &Value<'_>) -> Plural {
    let number = match count {
        Value::Str(text) => text.trim().parse().map_or(Value::Nil, Value::Decimal),
        other => other.clone(),
    };
    if equal(&number, &Value::Int(0)) {
        Plural::Zero
    } else if equal(&number, &Value::Int(1)) {
        Plural::One
    } else {
        Plural::Other
    }
}
