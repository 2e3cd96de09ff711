//! `for`, `tablerow` and what `forloop` answers.

use std::rc::Rc;

use super::{Flow, Renderer};
use crate::liquid::ast::{For, Offset, Segment};
use crate::liquid::error::Fail;
use crate::liquid::value::{Text, Value};

/// A loop being run.
#[derive(Debug)]
pub(super) struct Loop<'a> {
    pub(super) variable: &'a str,
    pub(super) item: Value<'a>,
    name: &'a str,
    index: usize,
    length: usize,
    /// Columns of a `tablerow`; `None` in a `for`.
    columns: Option<usize>,
}

/// What is iterated: `length` elements of `list` from `start`.
struct Slice<'a> {
    list: Value<'a>,
    start: usize,
    length: usize,
    reversed: bool,
}

impl<'a> Slice<'a> {
    fn item(&self, index: usize) -> Value<'a> {
        let index = if self.reversed { self.length - 1 - index } else { index };
        let at = i64::try_from(self.start + index).unwrap_or(i64::MAX);
        self.list.element(at).unwrap_or(Value::Nil)
    }
}

impl<'a> Renderer<'a> {
    pub(super) fn for_loop(&mut self, each: &'a For, out: &mut String) -> Result<Flow, Fail> {
        let slice = self.slice(each)?;
        if slice.length == 0 {
            return self.nodes(&each.otherwise, out);
        }
        self.loops.push(Loop {
            variable: &each.variable,
            item: Value::Nil,
            name: &each.key,
            index: 0,
            length: slice.length,
            columns: None,
        });
        let result = self.iterations(each, &slice, out);
        self.loops.pop();
        result.map(|()| Flow::Next)
    }

    fn iterations(&mut self, each: &'a For, slice: &Slice<'a>, out: &mut String) -> Result<(), Fail> {
        for index in 0..slice.length {
            self.turn(each, slice, index)?;
            if self.nodes(&each.body, out)? == Flow::Break {
                break;
            }
        }
        Ok(())
    }

    fn turn(&mut self, each: &'a For, slice: &Slice<'a>, index: usize) -> Result<(), Fail> {
        self.budget.step(each.at as usize)?;
        if let Some(current) = self.loops.last_mut() {
            current.item = slice.item(index);
            current.index = index;
        }
        Ok(())
    }

    /// Offset, then limit, then direction. `offset: continue` goes on where the last such loop stopped.
    fn slice(&mut self, each: &'a For) -> Result<Slice<'a>, Fail> {
        let list = self.evaluate(&each.list)?;
        let list = match list.pairs() {
            Some(pairs) => Value::from(pairs),
            None => match list {
                Value::Str(ref text) if !text.is_empty() => Value::from(vec![list]),
                list => list,
            },
        };
        let whole = list.length().unwrap_or(0);
        let start = match &each.offset {
            Offset::None => 0,
            Offset::At(expression) => self.count(expression)?,
            Offset::Continue => self.positions.get(&*each.key).copied().unwrap_or(0),
        };
        let mut length = whole.saturating_sub(start);
        if let Some(limit) = &each.limit {
            length = length.min(self.count(limit)?);
        }
        self.positions.insert(&each.key, start.saturating_add(length));
        Ok(Slice { list, start, length, reversed: each.reversed })
    }

    pub(super) fn table_row(&mut self, each: &'a For, out: &mut String) -> Result<(), Fail> {
        let slice = self.slice(each)?;
        let columns = match &each.columns {
            Some(expression) => self.count(expression)?.max(1),
            None => slice.length.max(1),
        };
        self.loops.push(Loop {
            variable: &each.variable,
            item: Value::Nil,
            name: &each.key,
            index: 0,
            length: slice.length,
            columns: Some(columns),
        });
        let result = self.rows(each, &slice, columns, out);
        self.loops.pop();
        result
    }

    fn rows(
        &mut self,
        each: &'a For,
        slice: &Slice<'a>,
        columns: usize,
        out: &mut String,
    ) -> Result<(), Fail> {
        out.push_str("<tr class=\"row1\">\n");
        for index in 0..slice.length {
            self.turn(each, slice, index)?;
            let column = index % columns + 1;
            self.budget.write(each.at as usize, 40)?;
            out.push_str(&format!("<td class=\"col{column}\">"));
            let flow = self.nodes(&each.body, out)?;
            out.push_str("</td>");
            if flow == Flow::Break {
                break;
            }
            if column == columns && index + 1 < slice.length {
                out.push_str(&format!("</tr>\n<tr class=\"row{}\">", index / columns + 2));
            }
        }
        out.push_str("</tr>\n");
        Ok(())
    }

    /// `forloop`, `forloop.parentloop…` and `tablerowloop`; the record itself is only built when used whole.
    /// `None` when no such loop is being run.
    pub(super) fn forloop(&self, name: &str, segments: &'a [Segment]) -> Option<Value<'a>> {
        let of_table = name == "tablerowloop";
        let mut running = self.loops.iter().rev().filter(|each| each.columns.is_some() == of_table);
        let mut current = running.next()?;
        let mut rest = segments;
        while let [Segment::Key(key), tail @ ..] = rest
            && &**key == "parentloop"
        {
            current = running.next()?;
            rest = tail;
        }
        match rest {
            [] => {
                let member = |name: &'static str| Some((Text::Borrowed(name), current.property(name)?));
                Some(Value::Record(Rc::new(PROPERTIES.iter().copied().filter_map(member).collect())))
            }
            [Segment::Key(key)] => current.property(key),
            _ => None,
        }
    }

    /// Whether a loop is being run that answers to `name`.
    pub(super) fn in_loop(&self, name: &str) -> bool {
        match name {
            "forloop" => self.loops.iter().any(|each| each.columns.is_none()),
            "tablerowloop" => self.loops.iter().any(|each| each.columns.is_some()),
            _ => false,
        }
    }
}

const PROPERTIES: &[&str] = &[
    "col",
    "col0",
    "col_first",
    "col_last",
    "first",
    "index",
    "index0",
    "last",
    "length",
    "name",
    "rindex",
    "rindex0",
    "row",
];

impl<'a> Loop<'a> {
    fn property(&self, name: &str) -> Option<Value<'a>> {
        let Self { index, length, .. } = *self;
        Some(match (name, self.columns) {
            ("index", _) => (index + 1).into(),
            ("index0", _) => index.into(),
            ("rindex", _) => (length - index).into(),
            ("rindex0", _) => (length - index - 1).into(),
            ("first", _) => (index == 0).into(),
            ("last", _) => (index + 1 == length).into(),
            ("length", _) => length.into(),
            ("name", None) => Value::text(self.name),
            ("col", Some(columns)) => (index % columns + 1).into(),
            ("col0", Some(columns)) => (index % columns).into(),
            ("col_first", Some(columns)) => (index % columns == 0).into(),
            ("col_last", Some(columns)) => (index % columns + 1 == columns || index + 1 == length).into(),
            ("row", Some(columns)) => (index / columns + 1).into(),
            _ => return None,
        })
    }
}
