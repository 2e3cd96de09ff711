import knockapi
import pytest


@pytest.fixture
def send(client, note, messages_of):
    def send(text, recipient="marked"):
        recipients = [{"id": recipient, "name": "Marked"}]
        run = client.workflows.trigger(note, recipients=recipients, data={"text": text})
        return messages_of(run.workflow_run_id, 1)[0]

    return send


def test_read_one(client, send):
    sent = send("whole")
    message = client.messages.get(sent.id)
    assert (message.status, message.engagement_statuses, message.workflow) == ("delivered", [], "note")
    assert message.data == {"text": "whole"}
    content = client.messages.get_content(sent.id)
    assert content.message_id == sent.id and "whole" in content.data.blocks[0].rendered
    events = [event.type for event in client.messages.list_events(sent.id, page_size=1)]
    assert sorted(events) == ["message.created", "message.delivered", "message.queued"]
    assert [activity.data for activity in client.messages.list_activities(sent.id)] == [{"text": "whole"}]
    assert list(client.messages.list_delivery_logs(sent.id)) == []


def test_list_by_status(client, send):
    sent = send("listed", "lister")
    ids = [one.id for one in client.messages.list(message_ids=[sent.id], status=["sent", "delivered"])]
    assert ids == [sent.id]
    assert client.messages.list(message_ids=[sent.id], engagement_status=["read"]).items == []


def test_single_statuses(client, send):
    messages, id = client.messages, send("single").id
    steps = [
        (messages.mark_as_seen, ["seen"]),
        (messages.mark_as_read, ["seen", "read"]),
        (messages.archive, ["seen", "read", "archived"]),
        (messages.unarchive, ["seen", "read"]),
        (messages.mark_as_unread, ["seen"]),
        (messages.mark_as_unseen, []),
    ]
    for mark, want in steps:
        assert mark(id).engagement_statuses == want
    assert messages.mark_as_interacted(id, metadata={"button": "open"}).engagement_statuses == ["read", "interacted"]
    [event] = [event for event in messages.list_events(id) if event.type == "message.interacted"]
    assert event.data == {"button": "open"}


@pytest.mark.parametrize(
    "mark, before, want",
    [
        ("mark_as_seen", None, ["seen"]),
        ("mark_as_unseen", "mark_as_seen", []),
        ("mark_as_read", None, ["read"]),
        ("mark_as_unread", "mark_as_read", []),
        ("archive", None, ["archived"]),
        ("unarchive", "archive", []),
        ("mark_as_interacted", None, ["read", "interacted"]),
    ],
)
def test_batch_statuses(client, send, mark, before, want):
    first, second = send("first").id, send("second").id
    if before:
        for id in (first, second):
            getattr(client.messages, before)(id)
    marked = getattr(client.messages.batch, mark)(message_ids=[second, first])
    assert [one.id for one in marked] == [second, first]
    assert [one.engagement_statuses for one in marked] == [want, want]


def test_batch_content(client, send):
    first, second = send("first").id, send("second").id
    contents = client.messages.batch.get_content(message_ids=[second, first])
    assert [content.message_id for content in contents] == [second, first]


def test_unknown(client):
    with pytest.raises(knockapi.NotFoundError):
        client.messages.get("2FVHPWxRqNuXQ9krvNP5A6Z4qXe")
