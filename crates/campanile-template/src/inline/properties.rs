//! Inlining compared with the cascade as CSS defines it, on random small documents; and random rubbish, which never
//! panics (templates.md section 11).

use std::collections::HashMap;

use proptest::prelude::*;

use super::inline;
use crate::markup::{Kind, Tags};

const TAGS: [&str; 4] = ["div", "p", "span", "b"];
const CLASSES: [&str; 3] = ["x", "y", "z"];
const PROPERTIES: [&str; 3] = ["color", "margin-top", "width"];
/// What a stylesheet may hold besides rules that apply, and what is never touched.
const ASIDES: [&str; 5] = [
    "@media (prefers-color-scheme:dark){p{color:#fff !important}}",
    "a:hover{color:red}",
    "/* p { color: red } */",
    "@font-face{font-family:F;src:url(https://x.test/f.woff)}",
    "@media only screen and (max-width:375px){.x,.y{width:100%}}",
];
const COMMENTS: [&str; 4] = [
    "<!--[if mso]><p class=x style='color:red'  ><table ><tr><td><![endif]-->",
    "<!--[if !mso]><!-->",
    "<!--<![endif]-->",
    "<!--[if (gte mso 9)|(IE)]><style>p{color:red}</style><b class=\"y\"><![endif]-->",
];

#[derive(Debug, Clone)]
struct Declaration {
    property: usize,
    value: u32,
    important: bool,
}

#[derive(Debug, Clone)]
struct Selector {
    tag: Option<usize>,
    class: Option<usize>,
    id: Option<usize>,
    /// An element with this class is around it.
    within: Option<usize>,
}

#[derive(Debug, Clone)]
enum Item {
    Rule(Selector, Vec<Declaration>),
    Aside(usize),
}

#[derive(Debug, Clone)]
struct Element {
    tag: usize,
    classes: Vec<usize>,
    style: Vec<Declaration>,
    /// Stands around those after it, up to this many.
    holds: usize,
    comment: Option<usize>,
}

impl Declaration {
    fn css(&self) -> String {
        let important = if self.important { " !important" } else { "" };
        format!("{}:{}px{important}", PROPERTIES[self.property], self.value)
    }
}

impl Selector {
    fn css(&self) -> String {
        let mut css = self.within.map(|class| format!(".{} ", CLASSES[class])).unwrap_or_default();
        css += self.tag.map_or("", |tag| TAGS[tag]);
        css += &self.class.map(|class| format!(".{}", CLASSES[class])).unwrap_or_default();
        css += &self.id.map(|id| format!("#n{id}")).unwrap_or_default();
        if css.is_empty() || css.ends_with(' ') { css + "*" } else { css }
    }

    fn specificity(&self) -> (usize, usize, usize) {
        let classes = usize::from(self.class.is_some()) + usize::from(self.within.is_some());
        (usize::from(self.id.is_some()), classes, usize::from(self.tag.is_some()))
    }

    fn matches(&self, at: usize, element: &Element, around: &[&Element]) -> bool {
        self.tag.is_none_or(|tag| tag == element.tag)
            && self.class.is_none_or(|class| element.classes.contains(&class))
            && self.id.is_none_or(|id| id == at)
            && self.within.is_none_or(|class| around.iter().any(|outer| outer.classes.contains(&class)))
    }
}

fn declarations(most: usize) -> impl Strategy<Value = Vec<Declaration>> {
    let one = (0..PROPERTIES.len(), 0..100u32, prop::bool::weighted(0.3));
    let one = one.prop_map(|(property, value, important)| Declaration { property, value, important });
    prop::collection::vec(one, 0..=most)
}

fn item() -> impl Strategy<Value = Item> {
    let maybe = |most: usize| prop::option::weighted(0.4, 0..most);
    let selector = (maybe(TAGS.len()), maybe(CLASSES.len()), maybe(6), maybe(CLASSES.len()));
    let selector = selector.prop_map(|(tag, class, id, within)| Selector { tag, class, id, within });
    prop_oneof![
        5 => (selector, declarations(3)).prop_map(|(selector, list)| Item::Rule(selector, list)),
        1 => (0..ASIDES.len()).prop_map(Item::Aside),
    ]
}

fn element() -> impl Strategy<Value = Element> {
    let classes = prop::sample::subsequence((0..CLASSES.len()).collect::<Vec<_>>(), 0..=CLASSES.len());
    let comment = prop::option::weighted(0.3, 0..COMMENTS.len());
    (0..TAGS.len(), classes, declarations(2), 0..3usize, comment)
        .prop_map(|(tag, classes, style, holds, comment)| Element { tag, classes, style, holds, comment })
}

fn stylesheet(items: &[Item]) -> String {
    let item = |item: &Item| match item {
        Item::Aside(at) => ASIDES[*at].to_owned(),
        Item::Rule(selector, list) => {
            let list: Vec<_> = list.iter().map(Declaration::css).collect();
            format!("{} {{ {} }}", selector.css(), list.join("; "))
        }
    };
    items.iter().map(item).collect::<Vec<_>>().join("\n")
}

/// Those around each element, by their places.
fn around(elements: &[Element]) -> Vec<Vec<usize>> {
    let mut open: Vec<(usize, usize)> = Vec::new();
    let mut found = Vec::new();
    for (at, element) in elements.iter().enumerate() {
        open.retain(|(_, left)| *left > 0);
        open.iter_mut().for_each(|(_, left)| *left -= 1);
        found.push(open.iter().map(|(outer, _)| *outer).collect());
        // A paragraph cannot stand around another one: parsers would end it.
        if TAGS[element.tag] != "p" {
            open.push((at, element.holds.min(open.last().map_or(usize::MAX, |(_, left)| *left))));
        }
    }
    found
}

fn document(css: &str, elements: &[Element]) -> String {
    let around = around(elements);
    let mut html = format!("<!doctype html><html><head><style>{css}</style></head><body>");
    let mut open: Vec<usize> = Vec::new();
    for (at, element) in elements.iter().enumerate() {
        while open.last().is_some_and(|outer| !around[at].contains(outer)) {
            let outer = open.pop().unwrap_or_default();
            html += &format!("</{}>", TAGS[elements[outer].tag]);
        }
        let classes: Vec<_> = element.classes.iter().map(|class| CLASSES[*class]).collect();
        let style: Vec<_> = element.style.iter().map(Declaration::css).collect();
        html += &format!("<{} id=\"n{at}\" class=\"{}\"", TAGS[element.tag], classes.join(" "));
        if !style.is_empty() {
            html += &format!(" style=\"{}\"", style.join(";"));
        }
        html += &format!(">t{at}");
        html += element.comment.map_or("", |comment| COMMENTS[comment]);
        open.push(at);
    }
    while let Some(outer) = open.pop() {
        html += &format!("</{}>", TAGS[elements[outer].tag]);
    }
    html + "</body></html>"
}

/// What CSS says that each property of an element is: importance, then where it stands, then specificity, then order.
fn cascade(items: &[Item], at: usize, element: &Element, around: &[&Element]) -> HashMap<usize, u32> {
    let mut found: HashMap<usize, (_, u32)> = HashMap::new();
    let mut put = |declaration: &Declaration, is_inline: bool, specificity| {
        let rank = (declaration.important, is_inline, specificity);
        let known = found.entry(declaration.property).or_insert((rank, declaration.value));
        if known.0 <= rank {
            *known = (rank, declaration.value);
        }
    };
    for item in items {
        if let Item::Rule(selector, list) = item
            && selector.matches(at, element, around)
        {
            list.iter().for_each(|declaration| put(declaration, false, selector.specificity()));
        }
    }
    element.style.iter().for_each(|declaration| put(declaration, true, (0, 0, 0)));
    found.into_iter().map(|(property, (_, value))| (property, value)).collect()
}

/// What a `style` attribute says that each property is.
fn of_attribute(style: &str) -> HashMap<usize, u32> {
    let mut found: HashMap<usize, (bool, u32)> = HashMap::new();
    for declaration in style.split(';').filter(|declaration| !declaration.trim().is_empty()) {
        let (name, value) = declaration.split_once(':').expect("a declaration");
        let property = PROPERTIES.iter().position(|known| *known == name.trim()).expect("one of ours");
        let (value, important) = match value.trim().strip_suffix("!important") {
            Some(value) => (value.trim(), true),
            None => (value.trim(), false),
        };
        let value = value.strip_suffix("px").and_then(|value| value.parse().ok()).expect("pixels");
        let known = found.entry(property).or_insert((important, value));
        if known.0 <= important {
            *known = (important, value);
        }
    }
    found.into_iter().map(|(property, (_, value))| (property, value)).collect()
}

/// Elements of ours in a document, by number: their `style`.
fn styles(html: &str) -> Vec<(usize, String)> {
    let attribute = |tag: &str, name: &str| {
        let value = tag.split_once(&format!(" {name}=\"")).map(|(_, rest)| rest)?;
        value.split_once('"').map(|(value, _)| value.to_owned())
    };
    let open = Tags::of(html).filter(|tag| tag.kind == Kind::Open).map(|tag| &html[tag.range()]);
    let ours = open.filter_map(|tag| {
        let number = attribute(tag, "id")?.strip_prefix('n')?.parse().ok()?;
        Some((number, attribute(tag, "style").unwrap_or_default()))
    });
    ours.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn is_the_cascade(items in prop::collection::vec(item(), 0..6), elements in prop::collection::vec(element(), 0..6)) {
        let css = stylesheet(&items);
        let html = document(&css, &elements);
        let inlined = inline(&html).expect("it is small");
        // A rule of `*` styles the element itself, too.
        let style = format!(">{css}</style>");
        prop_assert!(inlined.contains(&style), "the styles are kept as they are: {inlined}");
        let written = |text: &str| COMMENTS.map(|comment| text.matches(comment).count());
        prop_assert_eq!(written(&inlined), written(&html), "{}", inlined);
        // The same elements and texts in the same places.
        let bare = |text: &str| text.split('<').map(|tag| tag.split_once('>').map_or(tag, |(_, text)| text).to_owned()).collect::<Vec<_>>();
        prop_assert_eq!(bare(&inlined), bare(&html), "{}", inlined);
        let found = styles(&inlined);
        prop_assert_eq!(found.iter().map(|(at, _)| *at).collect::<Vec<_>>(), (0..elements.len()).collect::<Vec<_>>());
        let around = around(&elements);
        for (at, style) in found {
            let outer: Vec<&Element> = around[at].iter().map(|at| &elements[*at]).collect();
            let want = cascade(&items, at, &elements[at], &outer);
            prop_assert_eq!(of_attribute(&style), want, "element {} of {}\n{}", at, html, inlined);
        }
    }

    #[test]
    fn rubbish_stays_a_document(pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..40)) {
        let html = pieces.concat();
        if let Ok(inlined) = inline(&html) {
            // Whatever it is, it can be read again, and once read nothing is lost that was text of a body.
            prop_assert!(inline(&inlined).is_ok(), "{}", inlined);
            prop_assert!(!inlined.is_empty() || html.is_empty());
        }
    }
}

/// What means something to HTML or CSS.
const PIECES: [&str; 44] = [
    "<style>",
    "</style>",
    "<style",
    "<p>",
    "<p ",
    "</p>",
    "<table>",
    "<tr>",
    "<td>",
    "</table>",
    "<div class=x>",
    "</div>",
    "<svg>",
    "<template>",
    "<!--",
    "-->",
    "<!--[if mso]>",
    "<![endif]-->",
    "<![if !mso]>",
    "<!doctype html>",
    "style=\"",
    "style='",
    "class=x ",
    "\"",
    "'",
    ">",
    "<",
    "/",
    "p",
    ".x",
    "#y",
    "{",
    "}",
    ":",
    ";",
    ",",
    "color",
    "red",
    " !important",
    "@media",
    "@import url(",
    "/*",
    "*/",
    "\u{1F600}\0\u{FFFD}&#0;&lt;",
];
