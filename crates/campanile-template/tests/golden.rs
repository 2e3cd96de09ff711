//! The public golden-liquid vectors, read from outside the project. `golden_deviations.txt` lists the vectors
//! our dialect answers differently on purpose, each with its rule; everything else must pass.

use std::collections::BTreeMap;
use std::path::Path;

use campanile_core::time::Timestamp;
use campanile_template::{Partial, PartialKind, Partials, RenderOptions, Template};
use serde_json::Value as Json;

/// Beside the checkout, or beside the folder of its worktrees.
const VECTORS: &str = "shared/liquid/golden_liquid.json";
const DEVIATIONS: &str = include_str!("golden_deviations.txt");
/// Vectors that passed when this was last raised. It may only grow.
const PASSED_MIN: usize = 965;

/// Name of a vector to the rule that makes us differ.
fn deviations() -> BTreeMap<&'static str, &'static str> {
    let lines = DEVIATIONS.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.filter_map(|line| line.split_once(" = ")).map(|(rule, name)| (name, rule)).collect()
}

fn problem(case: &Json) -> Option<String> {
    let nothing = Json::Null;
    let source = case["template"].as_str().unwrap_or_default();
    let data = case.get("data").unwrap_or(&nothing);
    let mut partials = Partials::default();
    for (key, content) in case["templates"].as_object().into_iter().flatten() {
        // A partial that does not parse is only a matter of the vectors about `include`.
        if let Ok(partial) =
            Partial::compile(PartialKind::Text, content.as_str().unwrap_or_default(), &Json::Null)
        {
            partials.insert(key, partial);
        }
    }
    let options = RenderOptions::at(Timestamp::default()).with_partials(&partials);
    let got = Template::parse(source).and_then(|template| template.render(data, &options));
    match got {
        Err(_) if case["invalid"] == true => None,
        Err(error) => Some(format!("error: {}", error.message)),
        Ok(text) if case["invalid"] == true => Some(format!("{text:?} instead of an error")),
        Ok(text) => {
            let wanted = match case.get("results").and_then(Json::as_array) {
                Some(several) => several.iter().collect(),
                None => vec![&case["result"]],
            };
            let same = wanted.iter().any(|want| want.as_str() == Some(&text));
            (!same).then(|| format!("{text:?} instead of {wanted:?}"))
        }
    }
}

#[test]
fn golden_vectors() {
    let folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let Some(text) = folders.skip(3).find_map(|at| std::fs::read_to_string(at.join(VECTORS)).ok()) else {
        eprintln!("skipped: {VECTORS} is absent");
        return;
    };
    let document: Json = serde_json::from_str(&text).expect("the vectors are JSON");
    let cases = document["tests"].as_array().expect("the vectors have a list of tests");
    let deviations = deviations();
    let (mut passed, mut failed, mut stale) = (0, Vec::new(), Vec::new());
    for case in cases {
        let name = case["name"].as_str().unwrap_or_default();
        match (problem(case), deviations.get(name)) {
            (None, None) => passed += 1,
            (Some(_), Some(_)) => {}
            (None, Some(rule)) => stale.push(format!("{rule} = {name}")),
            (Some(problem), None) => failed.push(format!("{name}\n    {}\n    {problem}", case["template"])),
        }
    }
    eprintln!("{passed} of {} vectors pass, {} deviate on purpose", cases.len(), deviations.len());
    assert!(failed.is_empty(), "{} vectors fail:\n{}", failed.len(), failed.join("\n"));
    assert!(stale.is_empty(), "these deviations pass after all:\n{}", stale.join("\n"));
    assert!(passed >= PASSED_MIN, "{passed} vectors pass, {PASSED_MIN} did before");
}
