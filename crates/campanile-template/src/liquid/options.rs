//! What a render is told besides its scope: time, zone, locale, strictness and limits.

use campanile_core::time::Timestamp;

use super::data::{Loaded, Notes};
use super::partial::Partials;
use super::translations::Translations;

/// Bounds of one render (templates.md T2.12). A template cannot use more than these, whatever it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes written, captures included.
    pub output_bytes_max: usize,
    /// Loop iterations of the whole render.
    pub loop_steps_max: usize,
    /// Bytes and list elements read and made by filters: bounds time and memory.
    pub work_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { output_bytes_max: 5 << 20, loop_steps_max: 100_000, work_max: 256 << 20 }
    }
}

/// How to render. The engine reads no clock: `now` is handed in.
#[derive(Debug, Clone, Copy)]
pub struct RenderOptions<'o> {
    /// What `"now" | date` and `"today" | date` mean.
    pub now: Timestamp,
    /// IANA zone that dates without a zone argument are shown in; `None` keeps the offset they carry.
    pub timezone: Option<&'o str>,
    /// A missing name is an error unless its chain has `default` (workflows.md R15.2).
    pub strict_undefined: bool,
    /// Bounds of this render.
    pub limits: Limits,
    /// What `render` tags find; a partial that is not there prints nothing (T6.9).
    pub partials: Option<&'o Partials>,
    /// What `t` finds; without them every translation is missing.
    pub translations: Option<&'o Translations>,
    /// What data filters find. Anything else they ask for goes to `notes`.
    pub loaded: Option<&'o Loaded>,
    /// Where renders write down what they lack. Without it data filters are refused and warnings are lost.
    pub notes: Option<&'o Notes>,
    /// Markdown partials become HTML, as in an email (S38).
    pub markdown_to_html: bool,
}

impl<'o> RenderOptions<'o> {
    /// The usual options: silent about missing names, default limits.
    pub fn at(now: Timestamp) -> Self {
        Self {
            now,
            timezone: None,
            strict_undefined: false,
            limits: Limits::default(),
            partials: None,
            translations: None,
            loaded: None,
            notes: None,
            markdown_to_html: false,
        }
    }

    /// The same, with partials.
    pub fn with_partials(self, partials: &'o Partials) -> Self {
        Self { partials: Some(partials), ..self }
    }

    /// The same, with translations.
    pub fn with_translations(self, translations: Option<&'o Translations>) -> Self {
        Self { translations, ..self }
    }

    /// The same, reading stored data and writing down what is missing.
    pub fn with_data(self, loaded: &'o Loaded, notes: &'o Notes) -> Self {
        Self { loaded: Some(loaded), notes: Some(notes), ..self }
    }

    /// The same, refusing missing names.
    pub fn strict(self) -> Self {
        Self { strict_undefined: true, ..self }
    }
}
