//! `render`: a partial with arguments, in a scope of its own (templates.md section 6).

use super::Renderer;
use crate::liquid::ast::Render;
use crate::liquid::data::Warning;
use crate::liquid::error::Fail;
use crate::liquid::partial::{BLOCK_ARGUMENT, DEPTH_MAX, Partial, PartialKind, PartialScope};
use crate::liquid::template::Template;
use crate::markdown;

impl<'a> Renderer<'a> {
    /// The styles that partials left.
    pub(crate) fn into_styles(self) -> Vec<String> {
        self.styles
    }

    pub(super) fn partial(&mut self, call: &'a Render, out: &mut String) -> Result<(), Fail> {
        let at = call.at as usize;
        let mut given = Vec::with_capacity(call.arguments.len());
        let mut is_block = false;
        for (name, expression) in &call.arguments {
            if **name == *BLOCK_ARGUMENT {
                is_block = true;
                continue;
            }
            let value = self.evaluate(expression)?;
            self.budget.work(at, &value)?;
            given.push((&**name, value.to_json()));
        }
        // Deleted since, or never published: nothing is printed (T6.9, S4).
        let Some(partial) = self.options.partials.and_then(|partials| partials.get(&call.key)) else {
            self.warn(Warning::MissingPartial(call.key.to_string()));
            return Ok(());
        };
        if self.depth == DEPTH_MAX {
            let message = format!("partial {:?} is nested deeper than {DEPTH_MAX}", call.key);
            return Err(Fail::new(at, message));
        }
        if is_block && let Some(field) = partial.missing(&given) {
            return Err(Fail::new(at, format!("attrs.{field}: is required")));
        }
        let scope = partial.scope(given, self.scope.root("vars"));
        for style in &partial.styles {
            let mut text = String::new();
            self.inside(&call.key, at, style, &scope, &mut text)?;
            if !self.styles.contains(&text) {
                self.styles.push(text);
            }
        }
        self.insert(&call.key, at, partial, &scope, out)
    }

    fn insert(
        &mut self,
        key: &str,
        at: usize,
        partial: &Partial,
        scope: &PartialScope<'_>,
        out: &mut String,
    ) -> Result<(), Fail> {
        if partial.kind != PartialKind::Markdown || !self.options.markdown_to_html {
            return self.inside(key, at, &partial.template, scope, out);
        }
        let mut text = String::new();
        self.inside(key, at, &partial.template, scope, &mut text)?;
        let html = markdown::to_html(&text);
        self.budget.write(at, html.len())?;
        out.push_str(html.trim_end_matches('\n'));
        Ok(())
    }

    /// Renders one template of a partial; its errors are told at the tag that called it.
    fn inside(
        &mut self,
        key: &str,
        at: usize,
        template: &Template,
        scope: &PartialScope<'_>,
        out: &mut String,
    ) -> Result<(), Fail> {
        let mut inner = Renderer::new(template.source(), scope, self.options, self.budget);
        inner.depth = self.depth + 1;
        inner.frames_around = self.frames_around + self.frames.len();
        inner.loads = std::mem::take(&mut self.loads);
        inner.missed = self.missed;
        let done = inner.nodes(template.nodes(), out);
        self.budget = inner.budget;
        self.loads = inner.loads;
        self.missed = inner.missed;
        let styles = inner.styles;
        self.styles
            .extend(styles.into_iter().filter(|style| !self.styles.contains(style)).collect::<Vec<_>>());
        done.map(drop).map_err(|fail| {
            let inside = fail.locate(template.source());
            Fail::new(at, format!("in partial {key:?}, line {}: {}", inside.line, inside.message))
        })
    }
}
