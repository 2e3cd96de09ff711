//! The filters, one table per family. A new filter is a function and a line in its family's table.

mod array;
mod date;
mod encode;
mod hash;
mod html;
mod locale;
mod math;
mod other;
mod select;
mod string;

use super::options::RenderOptions;
use super::value::Value;

/// What a filter is given besides its input.
pub(crate) struct Args<'x, 'a> {
    pub(crate) positional: &'x [Value<'a>],
    pub(crate) named: &'x [(&'x str, Value<'a>)],
}

impl<'a> Args<'_, 'a> {
    /// Positional argument `index`.
    pub(crate) fn get(&self, index: usize) -> Option<&Value<'a>> {
        self.positional.get(index)
    }

    /// Positional argument `index` as text; absent and nil are empty.
    pub(crate) fn text(&self, index: usize) -> super::value::Text<'a> {
        self.get(index).unwrap_or(&Value::Nil).to_text()
    }

    /// A keyword argument.
    pub(crate) fn named(&self, name: &str) -> Option<&Value<'a>> {
        self.named.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }
}

/// What a filter may know of the render around it.
pub(crate) struct Context<'c> {
    pub(crate) options: &'c RenderOptions<'c>,
}

impl Context<'_> {
    /// Refuses a text that would be longer than a whole output may be, before it is made.
    pub(crate) fn allow(&self, bytes: usize) -> Result<(), String> {
        let max = self.options.limits.output_bytes_max;
        if bytes > max { Err(format!("result is larger than {max} bytes")) } else { Ok(()) }
    }
}

/// The error is a sentence without the filter's name, which the renderer adds.
pub(crate) type FilterFn = for<'a> fn(Value<'a>, &Args<'_, 'a>, &Context<'_>) -> Result<Value<'a>, String>;

/// One filter. The number of arguments is data, so that it is checked in one place for all.
#[derive(Debug)]
pub(crate) struct Filter {
    pub(crate) name: &'static str,
    args_min: usize,
    args_max: usize,
    pub(crate) call: Call,
}

/// How a filter is applied.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Call {
    /// A function of its input and arguments.
    Pure(FilterFn),
    /// `t`, which renders.
    Translate,
    /// Reads what was loaded.
    Load(Source),
}

/// What a data filter reads (templates.md 2.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    User,
    Object,
    Tenant,
    Subscriptions,
}

impl Filter {
    const fn new(name: &'static str, args_min: usize, args_max: usize, call: FilterFn) -> Self {
        Self { name, args_min, args_max, call: Call::Pure(call) }
    }

    const fn reading(name: &'static str, args: usize, source: Source) -> Self {
        Self { name, args_min: args, args_max: args, call: Call::Load(source) }
    }

    /// True for `t`.
    pub(crate) fn is_translation(&self) -> bool {
        matches!(self.call, Call::Translate)
    }

    /// Refuses a wrong number of arguments.
    pub(crate) fn check(&self, given: usize) -> Result<(), String> {
        if given < self.args_min {
            return Err(format!("takes at least {} arguments, {given} given", self.args_min));
        }
        if given > self.args_max {
            return Err(format!("takes at most {} arguments, {given} given", self.args_max));
        }
        Ok(())
    }
}

const FAMILIES: &[&[Filter]] = &[
    string::FILTERS,
    encode::FILTERS,
    hash::FILTERS,
    html::FILTERS,
    locale::FILTERS,
    math::FILTERS,
    array::FILTERS,
    select::FILTERS,
    date::FILTERS,
    other::FILTERS,
    OUTSIDE,
];

/// What looks beyond the scope.
const OUTSIDE: &[Filter] = &[
    Filter { name: "t", args_min: 0, args_max: 0, call: Call::Translate },
    Filter::reading("user", 0, Source::User),
    Filter::reading("object", 1, Source::Object),
    Filter::reading("tenant", 0, Source::Tenant),
    Filter::reading("subscriptions", 0, Source::Subscriptions),
];

/// The filter of that name.
pub(crate) fn find(name: &str) -> Option<&'static Filter> {
    FAMILIES.iter().flat_map(|family| family.iter()).find(|filter| filter.name == name)
}

/// The elements of a value seen as an array: nested arrays flattened, nil as none, anything else as one.
pub(crate) fn items<'a>(value: &Value<'a>) -> Vec<Value<'a>> {
    let mut out = Vec::with_capacity(value.length().unwrap_or(1));
    flatten(value, &mut out);
    out
}

fn flatten<'a>(value: &Value<'a>, out: &mut Vec<Value<'a>>) {
    match value {
        Value::Nil => {}
        Value::Array(items) => items.iter().for_each(|item| flatten_item(item.into(), out)),
        Value::List(items) => items.iter().for_each(|item| flatten_item(item.clone(), out)),
        Value::Range(first, last) => out.extend((*first..=*last).map(Value::Int)),
        other => out.push(other.clone()),
    }
}

fn flatten_item<'a>(item: Value<'a>, out: &mut Vec<Value<'a>>) {
    match item {
        Value::Array(_) | Value::List(_) => flatten(&item, out),
        other => out.push(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = FAMILIES.iter().flat_map(|f| f.iter()).map(|f| f.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
