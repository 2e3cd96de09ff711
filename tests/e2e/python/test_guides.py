import pytest


@pytest.fixture(scope="module")
def guide_channel(manage):
    return next(entry for entry in manage("GET", "/v1/channels")["entries"] if entry["type"] == "in_app_guide")


@pytest.fixture(scope="module", autouse=True)
def published(manage, guide_channel):
    field = {"type": "text", "key": "title", "label": "Title", "settings": {"required": True}}
    variant = {"key": "default", "name": "Default", "fields": [field]}
    message_type = {"name": "Tip", "preview": "<p>{{ title }}</p>", "variants": [variant]}
    manage("PUT", "/v1/message_types/tip?environment=development&commit=true", {"message_type": message_type})
    semver = manage("GET", "/v1/message_types/tip?environment=development")["semver"]
    step = {
        "ref": "step_1",
        "schema_key": "tip",
        "schema_semver": semver,
        "schema_variant_key": "default",
        "values": {"title": "Hi {{ recipient.name }}"},
    }
    guide = {"name": "Tip", "channel_key": guide_channel["key"], "steps": [step]}
    manage("PUT", "/v1/guides/tip?environment=development&commit=true", {"guide": guide})
    manage("PUT", "/v1/guides/tip/activate?environment=development", {"status": True})


def test_engagement(client, guide_channel):
    guides, channel = client.users.guides, guide_channel["id"]
    client.users.update("tipped", name="Tina")

    def shown():
        return guides.get_channel("tipped", channel).entries

    [guide] = shown()
    [step] = guide.steps
    assert step.content == {"title": "Hi Tina"}
    assert step.message.id is None
    body = dict(channel_id=channel, guide_id=guide.id, guide_key="tip", guide_step_ref="step_1")
    assert guides.mark_message_as_seen("tipped", **body, content=step.content).status == "ok"
    guides.mark_message_as_interacted("tipped", **body, metadata={"button": "more"})
    message = shown()[0].steps[0].message
    assert message.seen_at and message.read_at and message.interacted_at
    assert client.messages.get(message.id).engagement_statuses == ["seen", "read", "interacted"]
    guides.mark_message_as_archived("tipped", **body)
    assert shown() == []
    [marker] = guides.get_channel("tipped", channel).ineligible_guides
    assert (marker.key, marker.reason) == ("tip", "marked_as_archived")
    guides.unarchive_guide_message("tipped", guide_key="tip")
    assert shown()[0].steps[0].message.archived_at is None
    guides.reset_guide_engagements("tipped", guide_key="tip")
    assert shown()[0].steps[0].message.id is None
