//! Layouts and partials that are handed in, and the layouts of templates.

use std::sync::Arc;

use campanile_core::ids::EnvId;
use campanile_core::problem::FieldProblem;
use campanile_store::ResourceKind;
use campanile_template::{
    EmailBody, EmailSource, EmailTemplate, Layout, LayoutSource, Partial, Partials, RenderedEmail, Template,
    TemplateError, Tracking,
};
use serde_json::{Map, Value, json};

use super::{DEFAULT_LAYOUT, LayoutChoice, Situation, WorkflowFacts, sorted};
use crate::engine::Engine;
use crate::program::each_partial;
use crate::programs::compile_partial;
use crate::resources::{self, Refusal};

/// The key of the partial that is previewed: none that can be saved.
const PREVIEWED: &str = "previewed partial";

/// Root that holds the arguments: no layout assigns over it.
const ARGUMENTS: &str = "arguments-of-the-preview";

/// What a partial's preview says.
#[derive(Debug)]
pub struct PartialPreview {
    /// Empty when there are errors.
    pub content: Option<String>,
    /// By line.
    pub errors: Vec<TemplateError>,
}

impl Engine {
    /// A layout around nothing.
    pub async fn preview_layout(
        &self,
        situation: &Situation,
        document: &Value,
    ) -> Result<Result<RenderedEmail, Vec<TemplateError>>, Refusal> {
        let roots = self.roots_of(situation, document["branding_overrides"].as_object()).await?;
        let errors = liquid_errors(document);
        if !errors.is_empty() {
            return Ok(Err(sorted(errors)));
        }
        self.check(situation.env, ResourceKind::EmailLayout, "email_layout", document).await?;
        let layout = match Layout::compile(&LayoutSource::from_json(document)) {
            Ok(layout) => layout,
            Err(error) => return Ok(Err(vec![error])),
        };
        let mut wanted = Vec::new();
        each_partial(document, "", &mut |_, key| wanted.push(key.to_owned()));
        let partials = self.partials(situation.env, wanted, None).await?;
        let source = EmailSource { text_body: Some(""), ..EmailSource::default() };
        let template = match EmailTemplate::compile(&source, Some(&layout)) {
            Ok(template) => template,
            Err(errors) => return Ok(Err(sorted(errors))),
        };
        let scope = roots.scope();
        let rendered = self.render_preview(situation, roots.locale(), &partials, |options| {
            template.render_whole(&scope, options, Tracking::default()).map_err(sorted)
        });
        Ok(rendered.await?)
    }

    /// A partial with `data` as its arguments; with a layout, inside of it.
    pub async fn preview_partial(
        &self,
        env: EnvId,
        document: &Value,
        data: &Map<String, Value>,
        layout: Option<&str>,
    ) -> Result<PartialPreview, Refusal> {
        // Every field, whether required or not: a preview that lacks one shows nothing anybody wants to see (T16.7).
        let fields = document["input_schema"].as_array().into_iter().flatten();
        let keys: Vec<&str> = fields.filter_map(|field| field["key"].as_str()).collect();
        let missing = keys.iter().filter(|key| !data.contains_key(**key));
        let missing: Vec<_> =
            missing.map(|key| FieldProblem::new(format!("data.{key}"), "is required")).collect();
        if !missing.is_empty() {
            return Err(Refusal::Invalid(missing));
        }
        if let Some(error) = document["content"].as_str().and_then(|content| Template::parse(content).err()) {
            return Ok(PartialPreview { content: None, errors: vec![error.within("content")] });
        }
        self.check(env, ResourceKind::Partial, "partial", document).await?;
        let is_html = document["type"] == "html";
        if layout.is_some() && !is_html {
            return Err(Refusal::field("layout.key", "is only for html partials"));
        }
        let partial = match compile_partial(document) {
            Ok(partial) => partial,
            Err(error) => {
                return Ok(PartialPreview { content: None, errors: vec![error.within("content")] });
            }
        };
        let layout = match layout {
            Some(key) => Some(self.published_layout(env, key).await?),
            None => None,
        };
        let mut partials = self.partials(env, keys_of(&partial, layout.as_ref()), None).await?;
        partials.insert(PREVIEWED, partial);
        let content = document["content"].as_str().unwrap_or_default();
        self.render_partial(env, content, &partials, data, layout.map(|(layout, _)| layout)).await
    }

    async fn render_partial(
        &self,
        env: EnvId,
        content: &str,
        partials: &Partials,
        data: &Map<String, Value>,
        layout: Option<Arc<Layout>>,
    ) -> Result<PartialPreview, Refusal> {
        let call = call(data);
        let nobody = Situation {
            env,
            recipient: campanile_core::recipient::RecipientRef::user(""),
            actor: None,
            tenant: None,
            data: Map::new(),
            workflow: WorkflowFacts::default(),
        };
        let overrides = layout.as_ref().map(|layout| layout.branding_overrides());
        let scope = json!({(ARGUMENTS): data, "vars": self.preview_vars(&nobody, None, overrides)});
        let broken = |error: TemplateError| Refusal::field("data", &error.message);
        let bare = Template::parse(&call).map_err(broken)?;
        let framed = match &layout {
            Some(layout) => {
                let source = EmailSource {
                    body: EmailBody::Html(&call),
                    text_body: Some(""),
                    ..EmailSource::default()
                };
                let compiled = EmailTemplate::compile(&source, Some(layout));
                Some(compiled.map_err(|errors| {
                    Refusal::field(
                        "layout.key",
                        errors.first().map_or_else(String::new, resources::syntax_problem),
                    )
                })?)
            }
            None => None,
        };
        let rendered = self.render_preview(&nobody, None, partials, |options| {
            let own = |error: TemplateError| {
                let partial = partials.get(PREVIEWED);
                let inside =
                    partial.and_then(|partial| partial.error_in(content, data, &scope["vars"], options));
                vec![inside.unwrap_or(error).within("content")]
            };
            // By itself first: in a layout nobody would know where in the partial an error is.
            let alone = bare.render(&scope, options).map_err(own)?;
            match &framed {
                Some(template) => {
                    template.render_whole(&scope, options, Tracking::default()).map(|mail| mail.html)
                }
                None => Ok(alone),
            }
        });
        Ok(match rendered.await? {
            Ok(content) => PartialPreview { content: Some(content), errors: Vec::new() },
            Err(errors) => PartialPreview { content: None, errors: sorted(errors) },
        })
    }

    /// The layout around an inline template, and its document.
    pub(super) async fn layout_of(
        &self,
        env: EnvId,
        template: &Value,
        choice: LayoutChoice<'_>,
    ) -> Result<Option<(Arc<Layout>, Value)>, Refusal> {
        let named = template["settings"]["layout_key"].as_str();
        let is_document =
            campanile_template::is_mjml_document(template["html_body"].as_str().unwrap_or_default());
        let key = match choice {
            LayoutChoice::Without => return Ok(None),
            LayoutChoice::Default if named.is_none() && is_document => return Ok(None),
            LayoutChoice::Default => named.unwrap_or(DEFAULT_LAYOUT),
            LayoutChoice::Key(key) => key,
            LayoutChoice::Inline { html, text } => {
                let document = json!({"html_layout": html, "text_layout": text});
                return match Layout::compile(&LayoutSource::from_json(&document)) {
                    Ok(layout) => Ok(Some((Arc::new(layout), document))),
                    Err(error) => {
                        let field = match error.field.as_str() {
                            "text_layout" => "layout.text_content",
                            _ => "layout.html_content",
                        };
                        Err(Refusal::field(field, resources::syntax_problem(&error)))
                    }
                };
            }
        };
        self.published_layout(env, key).await.map(Some)
    }

    async fn published_layout(&self, env: EnvId, key: &str) -> Result<(Arc<Layout>, Value), Refusal> {
        self.layout(env, key).await?.ok_or_else(|| Refusal::field("layout.key", "does not exist"))
    }

    /// The checks of an upsert; fields below `wrapper`.
    async fn check(
        &self,
        env: EnvId,
        kind: ResourceKind,
        wrapper: &str,
        document: &Value,
    ) -> Result<(), Refusal> {
        match resources::check(self, env, kind, document).await {
            Ok(_) => Ok(()),
            Err(Refusal::Invalid(mut problems)) => {
                for problem in &mut problems {
                    problem.field = format!("{wrapper}.{}", problem.field);
                }
                Err(Refusal::Invalid(problems))
            }
            Err(other) => Err(other),
        }
    }
}

/// Liquid in a layout that does not parse.
fn liquid_errors(document: &Value) -> Vec<TemplateError> {
    let mut errors = Vec::new();
    let mut parse = |field: String, value: &Value| {
        if let Some(error) = value.as_str().and_then(|text| Template::parse(text).err()) {
            errors.push(error.within(&field));
        }
    };
    for field in ["html_layout", "text_layout"] {
        parse(field.into(), &document[field]);
    }
    for (at, link) in document["footer_links"].as_array().into_iter().flatten().enumerate() {
        for part in ["text", "url"] {
            parse(format!("footer_links[{at}].{part}"), &link[part]);
        }
    }
    errors
}

/// A tag that renders the previewed partial with everything that can be an argument.
fn call(data: &Map<String, Value>) -> String {
    let is_name = |name: &str| {
        let mut bytes = name.bytes();
        bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    };
    let arguments = data.keys().filter(|name| is_name(name) && *name != "vars");
    let arguments: String = arguments.map(|name| format!(", {name}: {ARGUMENTS}.{name}")).collect();
    format!("{{% render '{PREVIEWED}'{arguments} %}}")
}

fn keys_of(partial: &Partial, layout: Option<&(Arc<Layout>, Value)>) -> Vec<String> {
    let mut wanted: Vec<String> = partial.partial_keys().map(str::to_owned).collect();
    if let Some((_, document)) = layout {
        each_partial(document, "", &mut |_, key| wanted.push(key.to_owned()));
    }
    wanted
}
