//! The sources of an e-mail template, as a document holds them (templates.md section 13).

use serde_json::Value as Json;

/// What an e-mail says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum EmailBody<'s> {
    /// HTML or MJML with Liquid.
    Html(&'s str),
    /// Visual blocks.
    Blocks(&'s [Json]),
}

impl Default for EmailBody<'_> {
    fn default() -> Self {
        Self::Html("")
    }
}

/// The sources of one email template.
#[derive(Debug, Clone, Copy, Default)]
pub struct EmailSource<'s> {
    /// One line; line feeds after rendering become spaces.
    pub subject: &'s str,
    /// The body.
    pub body: EmailBody<'s>,
    /// Absent: generated from the rendered body. `""`: an empty text part (T12.1).
    pub text_body: Option<&'s str>,
    /// Put in front of both documents, to assign variables (T7.5).
    pub pre_content: Option<&'s str>,
    /// What `{{ preview_text }}` shows.
    pub preview_text: Option<&'s str>,
    /// The body is MJML.
    pub is_mjml: bool,
    /// The layout it names: with one, a body of MJML is a fragment (T10.1).
    pub layout_key: Option<&'s str>,
}

impl<'s> EmailSource<'s> {
    /// Reads a template. Members of the wrong type are absent here: whoever checks documents refuses them.
    pub fn from_json(template: &'s Json) -> Self {
        let settings = &template["settings"];
        let html = template["html_body"].as_str().unwrap_or_default();
        // Of an empty list and an empty text, neither is a body.
        let blocks = template["visual_blocks"].as_array().filter(|list| !list.is_empty());
        Self {
            subject: template["subject"].as_str().unwrap_or_default(),
            body: match blocks {
                Some(list) if html.trim().is_empty() => EmailBody::Blocks(list),
                _ => EmailBody::Html(html),
            },
            text_body: template["text_body"].as_str(),
            pre_content: settings["pre_content"].as_str(),
            preview_text: template["preview_text"].as_str(),
            is_mjml: template["is_mjml"] == true,
            layout_key: settings["layout_key"].as_str(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn exactly_one_body_is_read() {
        let list = [json!({"type": "divider"})];
        for (template, want) in [
            (json!({"html_body": "<p>"}), EmailBody::Html("<p>")),
            (json!({"html_body": null, "visual_blocks": list}), EmailBody::Blocks(&list)),
            (json!({"html_body": "", "visual_blocks": list}), EmailBody::Blocks(&list)),
            (json!({"html_body": "<p>", "visual_blocks": []}), EmailBody::Html("<p>")),
            (json!({"visual_blocks": []}), EmailBody::Html("")),
        ] {
            assert_eq!(EmailSource::from_json(&template).body, want, "{template}");
        }
    }
}
