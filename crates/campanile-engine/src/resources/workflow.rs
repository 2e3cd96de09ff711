//! Workflows (management.md section 7).

use campanile_core::problem::FieldProblem;
use campanile_core::workflow;
use campanile_store::ResourceKind;
use serde_json::Value;

use super::{Context, Kind};
use crate::program::check_templates;

pub(super) const WORKFLOW: Kind =
    Kind { kind: ResourceKind::Workflow, starts_active: true, check, key_problem: workflow::key_problem };

fn check(document: &Value, context: &Context) -> Result<Value, Vec<FieldProblem>> {
    // Both at once: whoever pushes a document hears everything that is wrong with it (templates.md T2.13).
    let mut problems = workflow::parse(document, context).err().unwrap_or_default();
    problems.extend(check_templates(document, context));
    if !problems.is_empty() {
        problems.sort();
        problems.dedup();
        return Err(problems);
    }
    Ok(workflow::normalize(document, context))
}

#[cfg(test)]
mod tests {
    use campanile_core::workflow::ChannelType;
    use serde_json::json;

    use super::*;

    #[test]
    fn stored_content_passes_and_stays() {
        let channels = [("email".to_owned(), ChannelType::Email)].into();
        let context = Context { channels, layouts: ["default".to_owned()].into(), ..Context::default() };
        let document = json!({"$schema": "x", "key": "w", "name": "W", "active": false, "description": null, "steps": [
            {"ref": "e", "type": "channel", "channel_key": "email",
             "template": {"subject": "Hi", "html_body@": "e/b.html", "html_body": "<p>", "settings": {"layout_key": "default"}}}]});
        let content = check(&document, &context).unwrap();
        assert_eq!(check(&content, &context).unwrap(), content);
        assert_eq!(content["steps"][0]["channel_type"], "email");
        assert!(["$schema", "key", "active", "description"].iter().all(|name| content.get(name).is_none()));

        let fields: Vec<_> =
            check(&document, &Context::default()).unwrap_err().into_iter().map(|p| p.field).collect();
        assert_eq!(fields, ["steps[0].channel_key"]);
    }
}
