//! Text to text, and text to array.

use std::fmt::Write as _;

use unicode_segmentation::UnicodeSegmentation as _;

use super::{Args, Context, Filter};
use crate::liquid::number::Number;
use crate::liquid::value::{Text, Value};

type Done<'a> = Result<Value<'a>, String>;

pub(super) const FILTERS: &[Filter] = &[
    Filter::new("append", 1, 1, append),
    Filter::new("capitalize", 0, 0, |input, _, _| Ok(capitalized(&input.to_text()).into())),
    Filter::new("downcase", 0, 0, |input, _, _| Ok(input.to_text().to_lowercase().into())),
    Filter::new("lstrip", 0, 0, |input, _, _| Ok(part(input.to_text(), str::trim_start))),
    Filter::new("prepend", 1, 1, prepend),
    Filter::new("remove", 1, 1, |input, args, context| replace_all(&input, &args.text(0), "", context)),
    Filter::new("remove_first", 1, 1, |input, args, _| {
        Ok(replace_at(&input, &args.text(0), "", |text, from| text.find(from)))
    }),
    Filter::new("remove_last", 1, 1, |input, args, _| {
        Ok(replace_at(&input, &args.text(0), "", |text, from| text.rfind(from)))
    }),
    Filter::new("replace", 1, 2, |input, args, context| {
        replace_all(&input, &args.text(0), &args.text(1), context)
    }),
    Filter::new("replace_first", 1, 2, |input, args, _| {
        Ok(replace_at(&input, &args.text(0), &args.text(1), |text, from| text.find(from)))
    }),
    Filter::new("replace_last", 2, 2, |input, args, _| {
        Ok(replace_at(&input, &args.text(0), &args.text(1), |text, from| text.rfind(from)))
    }),
    Filter::new("rstrip", 0, 0, |input, _, _| Ok(part(input.to_text(), str::trim_end))),
    Filter::new("slice", 1, 2, slice),
    Filter::new("split", 1, 1, split),
    Filter::new("strip", 0, 0, |input, _, _| Ok(part(input.to_text(), str::trim))),
    Filter::new("titlecase", 0, 0, titlecase),
    Filter::new("truncate", 0, 2, truncate),
    Filter::new("truncatewords", 0, 2, truncate_words),
    Filter::new("upcase", 0, 0, |input, _, _| Ok(input.to_text().to_uppercase().into())),
];

fn append<'a>(input: Value<'a>, args: &Args<'_, 'a>, context: &Context<'_>) -> Done<'a> {
    let (text, tail) = (input.to_text(), args.text(0));
    context.allow(text.len() + tail.len())?;
    Ok(format!("{}{}", &*text, &*tail).into())
}

fn prepend<'a>(input: Value<'a>, args: &Args<'_, 'a>, context: &Context<'_>) -> Done<'a> {
    let (text, head) = (input.to_text(), args.text(0));
    context.allow(text.len() + head.len())?;
    Ok(format!("{}{}", &*head, &*text).into())
}

/// A part of a text, still borrowed when the text is.
fn part<'a>(text: Text<'a>, cut: fn(&str) -> &str) -> Value<'a> {
    match text {
        Text::Borrowed(text) => Value::text(cut(text)),
        Text::Shared(text) => Value::Str(Text::Shared(cut(&text).into())),
    }
}

/// First grapheme upper, the rest lower.
fn capitalized(text: &str) -> String {
    match text.graphemes(true).next() {
        Some(first) => format!("{}{}", first.to_uppercase(), text[first.len()..].to_lowercase()),
        None => String::new(),
    }
}

fn titlecase<'a>(input: Value<'a>, _: &Args<'_, 'a>, _: &Context<'_>) -> Done<'a> {
    let text = input.to_text();
    let mut out = String::with_capacity(text.len());
    for piece in text.split_inclusive(char::is_whitespace) {
        out.push_str(&capitalized(piece));
    }
    Ok(out.into())
}

fn replace_all<'a>(input: &Value<'a>, from: &str, to: &str, context: &Context<'_>) -> Done<'a> {
    let text = input.to_text();
    let found = if from.is_empty() { text.len() + 1 } else { text.len() / from.len() };
    if found.saturating_mul(to.len()) > context.options.limits.output_bytes_max {
        let found = text.matches(from).count();
        context.allow(text.len().saturating_add(found.saturating_mul(to.len())))?;
    }
    if !from.is_empty() && !text.contains(from) {
        return Ok(Value::Str(text));
    }
    Ok(text.replace(from, to).into())
}

fn replace_at<'a>(
    input: &Value<'a>,
    from: &str,
    to: &str,
    find: fn(&str, &str) -> Option<usize>,
) -> Value<'a> {
    let text = input.to_text();
    match find(&text, from) {
        Some(at) => format!("{}{to}{}", &text[..at], &text[at + from.len()..]).into(),
        None => Value::Str(text),
    }
}

fn whole(args: &Args<'_, '_>, index: usize) -> Result<i64, String> {
    match args.get(index) {
        Some(Value::Int(value)) => Ok(*value),
        Some(Value::Str(text)) => {
            text.trim().parse().map_err(|_| format!("argument {:?} is not a whole number", &**text))
        }
        _ => Err(format!("argument {} is not a whole number", index + 1)),
    }
}

/// `count` graphemes or elements from `start`; a negative start counts from the end.
fn slice<'a>(input: Value<'a>, args: &Args<'_, 'a>, _: &Context<'_>) -> Done<'a> {
    let start = whole(args, 0)?;
    let count = if args.get(1).is_none_or(Value::is_nil) { 1 } else { whole(args, 1)? };
    let cut = |length: usize| {
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        let from = if start < 0 { start.saturating_add(length) } else { start };
        let valid = (0..=length).contains(&from) && count > 0;
        let to = if valid { from.saturating_add(count).min(length) } else { 0 };
        let from = if valid { from } else { 0 };
        from as usize..to as usize
    };
    if matches!(input, Value::Array(_) | Value::List(_) | Value::Range(..)) {
        let range = cut(input.length().unwrap_or(0));
        let taken = range.filter_map(|i| input.element(i as i64));
        return Ok(Value::from(taken.collect::<Vec<_>>()));
    }
    let text = input.to_text();
    let parts: Vec<&str> = text.graphemes(true).collect();
    let range = cut(parts.len());
    Ok(parts[range].concat().into())
}

/// Every empty piece is dropped (templates.md 2.5).
fn split<'a>(input: Value<'a>, args: &Args<'_, 'a>, _: &Context<'_>) -> Done<'a> {
    let separator = args.text(0);
    let pieces: Vec<Value<'a>> = match input.to_text() {
        Text::Borrowed(text) => pieces(text, &separator).into_iter().map(Value::text).collect(),
        Text::Shared(text) => {
            let owned = |piece: &str| Value::Str(Text::Shared(piece.into()));
            pieces(&text, &separator).into_iter().map(owned).collect()
        }
    };
    Ok(pieces.into())
}

fn pieces<'t>(text: &'t str, separator: &str) -> Vec<&'t str> {
    match separator {
        "" => text.graphemes(true).collect(),
        " " => text.split_whitespace().collect(),
        _ => text.split(separator).filter(|piece| !piece.is_empty()).collect(),
    }
}

fn length(args: &Args<'_, '_>, usual: usize) -> Result<usize, String> {
    match args.get(0) {
        None => Ok(usual),
        Some(Value::Nil) => Err("length is nil".to_owned()),
        Some(value) => Ok(usize::try_from(Number::of(value).whole()).unwrap_or(0)),
    }
}

fn ellipsis<'a>(args: &Args<'_, 'a>) -> Text<'a> {
    args.get(1).map_or(Text::Borrowed("..."), Value::to_text)
}

/// The ellipsis counts into the length.
fn truncate<'a>(input: Value<'a>, args: &Args<'_, 'a>, _: &Context<'_>) -> Done<'a> {
    let (text, length, ellipsis) = (input.to_text(), length(args, 50)?, ellipsis(args));
    let mut bounds = text.grapheme_indices(true).map(|(at, _)| at);
    if bounds.clone().nth(length).is_none() {
        return Ok(Value::Str(text));
    }
    let kept = length.saturating_sub(ellipsis.graphemes(true).count());
    let end = bounds.nth(kept).unwrap_or(text.len());
    Ok(format!("{}{}", &text[..end], &*ellipsis).into())
}

fn truncate_words<'a>(input: Value<'a>, args: &Args<'_, 'a>, _: &Context<'_>) -> Done<'a> {
    let (text, count, ellipsis) = (input.to_text(), length(args, 15)?.max(1), ellipsis(args));
    let mut words = text.split_whitespace();
    let mut out = String::new();
    for word in words.by_ref().take(count) {
        let space = if out.is_empty() { "" } else { " " };
        let _ = write!(out, "{space}{word}");
    }
    if words.next().is_none() {
        return Ok(Value::Str(text));
    }
    out.push_str(&ellipsis);
    Ok(out.into())
}
