//! Previews (templates.md section 16): what a template, layout or partial says in a given situation. The same compiler
//! and renderer as for messages; nothing is sent, tracked or kept.

mod channel;
mod documents;
mod situation;

use campanile_channels::sms::Segments;
use campanile_core::problem::FieldProblem;
use campanile_core::workflow::{self, ChannelStep, ChannelType};
use campanile_store::ResourceKind;
use campanile_template::{Partials, TemplateError};
use serde_json::{Map, Value};

pub(crate) use self::channel::render as render_channel;
pub use self::situation::{Situation, WorkflowFacts};
use crate::engine::Engine;
use crate::program::{self, ChannelProgram, Message, OpKind};
use crate::resources::{Context, Refusal};

/// The layout of environments that nobody chose one for (T16.5).
const DEFAULT_LAYOUT: &str = "default";

/// What was rendered.
#[derive(Debug)]
pub struct Preview {
    /// Of the channel.
    pub content_type: ChannelType,
    /// The template's fields as they rendered; those that failed are absent.
    pub template: Map<String, Value>,
    /// Everything that is wrong, by field and line (T2.13).
    pub errors: Vec<TemplateError>,
    /// What a text message would cost.
    pub segments: Option<Segments>,
}

/// Which layout stands around an inline template.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum LayoutChoice<'l> {
    /// The environment's default one (T16.5).
    #[default]
    Default,
    /// None.
    Without,
    /// A published one.
    Key(&'l str),
    /// The sources themselves.
    Inline {
        /// The HTML document.
        html: &'l str,
        /// The text around the text part.
        text: &'l str,
    },
}

impl Engine {
    /// A channel step of the saved workflow (C10).
    pub async fn preview_step(
        &self,
        situation: &Situation,
        key: &str,
        step: &str,
    ) -> Result<Preview, Refusal> {
        let row = self.store().resource(situation.env, ResourceKind::Workflow, key, false).await?;
        let row = row.ok_or(Refusal::Missing)?;
        let program = self.program(situation.env, row.version.id).await?.ok_or(Refusal::Missing)?;
        let op = program.ops.iter().find(|op| *op.step == *step).ok_or(Refusal::Missing)?;
        let OpKind::Channel(channel) = &op.kind else {
            return Err(Refusal::field("step_ref", "is not a channel step"));
        };
        let document: Value = serde_json::from_str(&row.version.content).unwrap_or_default();
        let template = program::template_of(&document, step).cloned().unwrap_or_default();
        let situation = Situation { workflow: WorkflowFacts::of(&program), ..situation.clone() };
        self.preview(&situation, channel, &template, &program.partials).await
    }

    /// A template that is handed in.
    pub async fn preview_template(
        &self,
        situation: &Situation,
        channel_type: ChannelType,
        template: &Value,
        layout: LayoutChoice<'_>,
    ) -> Result<Preview, Refusal> {
        let context = Context::load_for(self, situation.env, ResourceKind::Workflow).await?;
        let problems = workflow::check_template(template, channel_type, &context);
        if !problems.is_empty() {
            return Err(Refusal::Invalid(problems));
        }
        let step = ChannelStep {
            channel_type,
            channel_key: String::new(),
            template: template.clone(),
            overrides: Value::Null,
            send_windows: None,
        };
        let layout = match channel_type {
            ChannelType::Email => self.layout_of(situation.env, template, layout).await?,
            _ => None,
        };
        let mut wanted = program::partial_keys_of(&step);
        let around = layout.as_ref().map(|(layout, document)| {
            program::each_partial(document, "", &mut |_, key| wanted.push(key.to_owned()));
            (DEFAULT_LAYOUT, Some(layout))
        });
        let partials = self.partials(situation.env, wanted, None).await?;
        let compiled = program::compile_channel(&step, around).and_then(|channel| match channel.message {
            Message::Email { template: Err(errors), .. } => Err(errors),
            _ => Ok(channel),
        });
        match compiled {
            Ok(channel) => self.preview(situation, &channel, template, &partials).await,
            Err(errors) => {
                // What has no place in a text is wrong with the request, not with what it renders.
                let (malformed, errors): (Vec<_>, Vec<_>) = errors.into_iter().partition(|e| e.line == 0);
                let problem = |error: &TemplateError| {
                    let inside = error.field.trim_start_matches("template.");
                    FieldProblem::new(format!("template.{inside}"), &error.message)
                };
                let problems: Vec<_> = malformed.iter().map(problem).collect();
                if !problems.is_empty() {
                    return Err(Refusal::Invalid(problems));
                }
                Ok(Preview::failed(channel_type, errors))
            }
        }
    }

    async fn preview(
        &self,
        situation: &Situation,
        channel: &ChannelProgram,
        template: &Value,
        partials: &Partials,
    ) -> Result<Preview, Refusal> {
        let roots = self.roots_of(situation, channel.branding_overrides()).await?;
        let scope = roots.scope();
        let rendered = self.render_preview(situation, roots.locale(), partials, |options| {
            channel::render(channel, template, &scope, options)
        });
        Ok(rendered.await?)
    }
}

impl Preview {
    fn failed(content_type: ChannelType, errors: Vec<TemplateError>) -> Self {
        Self { content_type, template: Map::new(), errors: sorted(errors), segments: None }
    }
}

/// By field, then line, each once; fields without the step's `template.` in front.
fn sorted(mut errors: Vec<TemplateError>) -> Vec<TemplateError> {
    for error in &mut errors {
        if let Some(inside) = error.field.strip_prefix("template.") {
            error.field = inside.to_owned();
        }
    }
    errors.sort_by(|a, b| (&a.field, a.line, a.column).cmp(&(&b.field, b.line, b.column)));
    errors.dedup();
    errors
}
