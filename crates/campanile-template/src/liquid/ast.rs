//! The compact tree of a parsed template. Text is kept as positions in the source, never copied.

use rust_decimal::Decimal;

use super::filters::Filter;

/// Bytes `start..end` of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    pub(crate) fn new(start: usize, end: usize) -> Self {
        // Sources above 4 GiB are refused before lexing.
        Self { start: start as u32, end: end as u32 }
    }

    pub(crate) fn of(self, source: &str) -> &str {
        source.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    pub(crate) fn is_empty(self) -> bool {
        self.start >= self.end
    }
}

#[derive(Debug)]
pub(crate) enum Node {
    Text(Span),
    Output(Expression),
    Assign(Box<str>, Expression),
    Capture(Box<str>, Box<[Node]>),
    If(Box<[Branch]>),
    Case(Box<Case>),
    For(Box<For>),
    TableRow(Box<For>),
    Break,
    Continue,
    Increment(Box<str>, i64),
    Cycle(Box<Cycle>),
    Render(Box<Render>),
    Translate(Box<Translate>),
}

/// One arm of `if` or `unless`; an `else` has no condition.
#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) condition: Option<Condition>,
    pub(crate) negated: bool,
    pub(crate) body: Box<[Node]>,
}

#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) subject: Expression,
    pub(crate) arms: Box<[CaseArm]>,
}

/// `when` with its values, or `else` with none. Arms keep their order (templates.md 2.2).
#[derive(Debug)]
pub(crate) struct CaseArm {
    pub(crate) values: Option<Box<[Expression]>>,
    pub(crate) body: Box<[Node]>,
}

#[derive(Debug)]
pub(crate) struct For {
    pub(crate) at: u32,
    pub(crate) variable: Box<str>,
    pub(crate) list: Expression,
    /// What `offset: continue` remembers its position under.
    pub(crate) key: Box<str>,
    pub(crate) limit: Option<Expression>,
    pub(crate) offset: Offset,
    pub(crate) columns: Option<Expression>,
    pub(crate) reversed: bool,
    pub(crate) body: Box<[Node]>,
    pub(crate) otherwise: Box<[Node]>,
}

#[derive(Debug)]
pub(crate) enum Offset {
    None,
    At(Expression),
    Continue,
}

#[derive(Debug)]
pub(crate) struct Cycle {
    /// The group, evaluated; without one the values' source text names it.
    pub(crate) group: Option<Expression>,
    pub(crate) key: Box<str>,
    pub(crate) values: Box<[Expression]>,
}

/// `render`: a partial and its arguments.
#[derive(Debug)]
pub(crate) struct Render {
    pub(crate) at: u32,
    pub(crate) key: Box<str>,
    pub(crate) arguments: Box<[(Box<str>, Expression)]>,
}

/// `t`: a source that is its own key (templates.md T5.9).
#[derive(Debug)]
pub(crate) struct Translate {
    pub(crate) at: u32,
    /// The source between the tags, as it was written.
    pub(crate) key: Span,
    pub(crate) body: Box<[Node]>,
}

/// Comparisons joined by `and`/`or`, kept flat because they associate to the right and may be many.
#[derive(Debug)]
pub(crate) struct Condition {
    pub(crate) first: Comparison,
    pub(crate) rest: Box<[(Join, Comparison)]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Join {
    And,
    Or,
}

#[derive(Debug)]
pub(crate) struct Comparison {
    pub(crate) left: Expression,
    pub(crate) right: Option<(Operator, Expression)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Contains,
}

/// A term and the filters it passes through.
#[derive(Debug)]
pub(crate) struct Expression {
    pub(crate) term: Term,
    pub(crate) filters: Box<[FilterCall]>,
    pub(crate) at: u32,
}

#[derive(Debug)]
pub(crate) enum Term {
    Nil,
    Empty,
    Blank,
    Bool(bool),
    Int(i64),
    Decimal(Decimal),
    Text(Box<str>),
    Range(Box<(Expression, Expression)>),
    Path(Path),
}

#[derive(Debug)]
pub(crate) struct Path {
    pub(crate) root: Root,
    pub(crate) segments: Box<[Segment]>,
}

#[derive(Debug)]
pub(crate) enum Root {
    Name(Box<str>),
    /// `"abc".size`: a value that is no name.
    Value(Box<Expression>),
    /// `{{ [expr] }}`: the name is computed.
    Computed(Box<Expression>),
}

#[derive(Debug)]
pub(crate) enum Segment {
    Key(Box<str>),
    Index(i64),
    Computed(Box<Expression>),
}

#[derive(Debug)]
pub(crate) struct FilterCall {
    pub(crate) filter: &'static Filter,
    pub(crate) at: u32,
    pub(crate) positional: Box<[Expression]>,
    pub(crate) named: Box<[(Box<str>, Expression)]>,
}
