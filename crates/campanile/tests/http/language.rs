//! What templates find beyond their scope: stored data, translations, partials; and what they say when it is missing
//! (templates.md sections 2.8, 5 and 6).

use campanile_store::{NewVersion, ResourceKind};
use serde_json::{Value, json};

use crate::kit::{Kit, on_both, steps};

/// Publishes a resource as its kind stores it.
async fn publish(kit: &Kit, kind: ResourceKind, key: &str, content: Value) {
    let engine = &kit.server().engine;
    let env = engine.catalog().environment("development").expect("it exists").id;
    let now = engine.clock().now();
    let text = content.to_string();
    let version = NewVersion { env, kind, key: key.into(), sha: text.clone(), content: text };
    let written = engine.store().transact(move |tx| {
        Box::pin(async move {
            let mut row = tx.save_version(&version, true, false, now).await?;
            tx.publish(&mut row, None, ("test", "test@example.com"), None, now).await
        })
    });
    written.await.expect("it is written");
    engine.invalidate(env, kind, key).await;
}

async fn translation(kit: &Kit, key: &str, texts: Value) {
    publish(kit, ResourceKind::Translation, key, json!({"content": texts.to_string()})).await;
}

async fn partial(kit: &Kit, key: &str, content: &str) {
    publish(kit, ResourceKind::Partial, key, json!({"type": "text", "content": content})).await;
}

/// Triggers a second later than whatever was before: messages of one instant have no order that tests could rely on.
async fn trigger(kit: &Kit, workflow: &str, body: Value) -> String {
    kit.advance("PT1S").await;
    kit.trigger(workflow, body).await
}

/// The body of the newest feed message of a user.
async fn body(kit: &Kit, user: &str) -> String {
    let feed = kit.feed(user, "page_size=1").await;
    let rendered = feed["entries"][0]["blocks"][0]["rendered"].as_str().unwrap_or_default();
    rendered.trim_start_matches("<p>").trim_end_matches("</p>").to_owned()
}

#[test]
fn templates_read_stored_data() {
    on_both(async |kit| {
        kit.users(&["ada", "bo", "cy"]).await;
        kit.put("/v1/users/ann", json!({"name": "Ann", "email": "ann@example.com", "boss": "bo"})).await.ok();
        kit.put("/v1/objects/projects/p1", json!({"title": "Tower"})).await.ok();
        kit.put(
            "/v1/tenants/acme",
            json!({"plan": "pro", "settings": {"preference_set": {"workflows": {"x": false}}}}),
        )
        .await
        .ok();
        partial(kit, "card", "{% assign u = id | user %}{{ u.name }}").await;
        let condition = |argument: &str| json!({"all": [{"variable": "data.name", "operator": "equal_to", "argument": argument}]});
        let mut conditional = steps::feed("feed_2", "conditional");
        conditional["conditions"] = condition("{% assign u = data.approver_id | user %}{{ u.name }}");
        for (template, want) in [
            ("{% assign u = data.approver_id | user %}{{ u.name }}, {{ u.boss }}", "Ann, bo"),
            // What one answer names is asked for in the next round.
            ("{% assign u = 'ann' | user %}{% assign b = u.boss | user %}{{ b.name }}", "bo"),
            ("{% assign u = 'ghost' | user %}[{{ u.name }}]{{ nil | user }}", "[]"),
            ("{% assign p = 'p1' | object: 'projects' %}{{ p.title }} {{ p.collection }}", "Tower projects"),
            ("{% assign p = 'p1' | object: 'nowhere' %}[{{ p.title }}]", "[]"),
            ("{% assign t = 'acme' | tenant %}{{ t.plan }}[{{ t.settings.preference_set }}]", "pro[]"),
            ("{% render 'card', id: data.approver_id %}", "Ann"),
            ("{{ 'ann' | subscriptions | size }}", "0"),
            ("{{ 'projects/p1' | user }}", ""),
        ] {
            kit.workflow("reads", json!([steps::feed("feed_1", template)])).await;
            let run =
                trigger(kit, "reads", json!({"recipients": ["ada"], "data": {"approver_id": "ann"}})).await;
            assert_eq!(
                kit.messages(&run).await.len(),
                1,
                "{template}: {:?}",
                kit.log_of_run(&run, "ada").await
            );
            assert_eq!(body(kit, "ada").await, want, "{template}");
        }
        kit.workflow(
            "reads",
            json!([
                steps::feed("feed_1", "{% assign u = data.approver_id | user %}{{ u.name }}"),
                conditional
            ]),
        )
        .await;
        let data = json!({"approver_id": "ann", "name": "Ann"});
        let run = trigger(kit, "reads", json!({"recipients": ["ada", "bo", "cy"], "data": data})).await;
        assert_eq!(kit.messages(&run).await.len(), 6);
        for user in ["ada", "bo", "cy"] {
            let events = kit.events_of_run(&run, user).await;
            let want = [
                "run_started",
                "message_enqueued",
                "conditions_evaluated",
                "message_enqueued",
                "run_completed",
            ];
            assert_eq!(events, want, "what was rendered in vain leaves no trace");
        }
    });
}

#[test]
fn data_is_read_anew_after_a_delay() {
    on_both(async |kit| {
        kit.users(&["ada", "ann"]).await;
        let shown = "{% assign u = recipient.boss | default: 'ann' | user %}{{ u.name }}";
        let list =
            json!([steps::feed("a", shown), steps::delay("wait", 1, "hours"), steps::feed("b", shown)]);
        kit.workflow("later", list).await;
        trigger(kit, "later", json!({"recipients": ["ada"]})).await;
        assert_eq!(body(kit, "ada").await, "ann");
        kit.put("/v1/users/ann", json!({"name": "Ann the second"})).await.ok();
        kit.advance("PT1H").await;
        assert_eq!(body(kit, "ada").await, "Ann the second");
    });
}

#[test]
fn too_many_loads_fail_the_step() {
    on_both(async |kit| {
        kit.users(&["ada"]).await;
        let read = "{% for i in (1..N) %}{% assign u = i | append: '-u' | user %}{% endfor %}ok";
        for (count, want) in [("50", 1), ("51", 0)] {
            kit.workflow("many", json!([steps::feed("feed_1", &read.replace('N', count))])).await;
            let run = trigger(kit, "many", json!({"recipients": ["ada"]})).await;
            assert_eq!(kit.messages(&run).await.len(), want, "{count}");
            if want == 0 {
                let log = kit.log_of_run(&run, "ada").await;
                let why = log.iter().find(|event| event.event == "step_failed").expect("it failed");
                assert!(
                    why.data["reason"].as_str().is_some_and(|r| r.contains("more than 50 loads")),
                    "{why:?}"
                );
            }
        }
    });
}

#[test]
fn subscriptions_come_newest_first() {
    on_both(async |kit| {
        kit.users(&["ada", "ann"]).await;
        for n in 0..27 {
            kit.put(&format!("/v1/objects/projects/p{n:02}"), json!({"title": format!("T{n}")})).await.ok();
            let path = format!("/v1/objects/projects/p{n:02}/subscriptions");
            kit.post(&path, json!({"recipients": ["ann"], "properties": {"n": n}})).await.ok();
            kit.advance("PT1S").await;
        }
        let template = "{% assign list = 'ann' | subscriptions %}{{ list.size }} {{ list[0].object.title }} \
                        {{ list[0].properties.n }} {{ list.last.object.id }}";
        kit.workflow("subs", json!([steps::feed("feed_1", template)])).await;
        trigger(kit, "subs", json!({"recipients": ["ada"]})).await;
        assert_eq!(body(kit, "ada").await, "25 T26 26 p02");
    });
}

#[test]
fn everybody_reads_their_own_language() {
    on_both(async |kit| {
        for (id, locale) in [("ada", Some("de")), ("bo", None), ("cy", Some("fr_BE")), ("di", Some("xx"))] {
            kit.put(&format!("/v1/users/{id}"), json!({"name": id, "locale": locale})).await.ok();
        }
        kit.put("/v1/tenants/acme", json!({"name": "Acme"})).await.ok();
        let orders = json!({"one": "One order", "other": "{{ count }} orders"});
        translation(kit, "en", json!({"orders": {"shipping": orders}, "hi": "Hello {{ name }}"})).await;
        translation(kit, "de", json!({"hi": "Hallo {{ name }}"})).await;
        translation(kit, "fr/system", json!({"Bye {{ recipient.name }}": "Salut {{ recipient.name }}"}))
            .await;
        translation(kit, "fr-BE~acme", json!({"hi": "Bonjour {{ name }} chez Acme"})).await;
        let template = "{{ 'hi' | t: name: recipient.name }}|{{ 'orders.shipping' | t: count: 0 }}|\
                        {% t %}Bye {{ recipient.name }}{% endt %}";
        kit.workflow("speak", json!([steps::feed("feed_1", template)])).await;
        let everybody = json!(["ada", "bo", "cy", "di"]);
        for (tenant, want) in [
            (
                Value::Null,
                [
                    ("ada", "Hallo ada|0 orders|Bye ada"),
                    ("bo", "Hello bo|0 orders|Bye bo"),
                    ("cy", "Hello cy|0 orders|Salut cy"),
                    ("di", "Hello di|0 orders|Bye di"),
                ],
            ),
            (
                json!("acme"),
                [
                    ("ada", "Hallo ada|0 orders|Bye ada"),
                    ("bo", "Hello bo|0 orders|Bye bo"),
                    ("cy", "Bonjour cy chez Acme|0 orders|Salut cy"),
                    ("di", "Hello di|0 orders|Bye di"),
                ],
            ),
        ] {
            trigger(kit, "speak", json!({"recipients": everybody, "tenant": tenant})).await;
            for (user, text) in want {
                assert_eq!(body(kit, user).await, text, "{tenant}");
            }
        }
        // A commit is seen by the next run.
        translation(kit, "de", json!({"hi": "Servus {{ name }}"})).await;
        trigger(kit, "speak", json!({"recipients": ["ada"]})).await;
        assert_eq!(body(kit, "ada").await, "Servus ada|0 orders|Bye ada");
    });
}

#[test]
fn a_partial_translates_by_the_recipients_locale() {
    on_both(async |kit| {
        kit.put("/v1/users/ada", json!({"name": "Ada", "locale": "de"})).await.ok();
        translation(kit, "de", json!({"hi": "Hallo"})).await;
        partial(kit, "greeting", "{{ 'hi' | t }}").await;
        kit.workflow("indirect", json!([steps::feed("feed_1", "{% render 'greeting' %}")])).await;
        trigger(kit, "indirect", json!({"recipients": ["ada"]})).await;
        assert_eq!(body(kit, "ada").await, "Hallo");
    });
}

#[test]
fn the_log_says_what_is_missing() {
    on_both(async |kit| {
        kit.users(&["ada"]).await;
        partial(kit, "gone", "here").await;
        let template =
            "[{% render 'gone' %}][{{ 'no.such' | t | default: 'plain' }}]{% t %}Own words{% endt %}";
        kit.workflow("lacks", json!([steps::feed("feed_1", template)])).await;
        let engine = &kit.server().engine;
        let env = engine.catalog().environment("development").expect("it exists").id;
        let run = trigger(kit, "lacks", json!({"recipients": ["ada"]})).await;
        assert_eq!(body(kit, "ada").await, "[here][plain]Own words");
        let warnings = |log: Vec<campanile_engine::LoggedEvent>| {
            let found = log.into_iter().filter(|event| event.event == "template_warning" && !event.is_error);
            found.map(|event| (event.step.unwrap_or_default(), event.data)).collect::<Vec<_>>()
        };
        let missing = |reason: &str, key: &str| ("feed_1".to_owned(), json!({"reason": reason, "key": key}));
        // The text of the tag is in a file since the commit (T5.10).
        let texts = [missing("translation_missing", "no.such")];
        assert_eq!(warnings(kit.log_of_run(&run, "ada").await), texts);
        // A workflow that names a partial which is not published: nothing is printed, the message goes out.
        kit.workflow("bare", json!([steps::feed("feed_1", "[]")])).await;
        let row =
            engine.store().resource(env, ResourceKind::Workflow, "bare", true).await.expect("it is read");
        let content = row.expect("it exists").version.content.replace("[]", "[{% render 'never' %}]");
        let content = content.replace("\"steps\":[{% render 'never' %}]", "\"steps\":[]");
        publish(kit, ResourceKind::Workflow, "bare", serde_json::from_str(&content).expect("it is JSON"))
            .await;
        let run = trigger(kit, "bare", json!({"recipients": ["ada"]})).await;
        assert_eq!(body(kit, "ada").await, "[]");
        assert_eq!(warnings(kit.log_of_run(&run, "ada").await), [missing("partial_missing", "never")]);
    });
}
