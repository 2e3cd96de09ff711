import knockapi
import pytest

HOOK = {
    "ref": "hook_1",
    "type": "channel",
    "channel_key": "webhook",
    "template": {"method": "post", "url": "https://hooks.collab.example/", "body": "{}"},
}


def test_set_get_list_delete(client):
    made = client.objects.set("projects", "p1", name="Apollo", extra_body={"price": 100})
    got = client.objects.get("projects", "p1")
    assert got == made
    assert (got.api_typename, got.id, got.collection) == ("Object", "p1", "projects")
    assert got.properties == {"name": "Apollo", "price": 100}
    client.objects.set("projects", "p2")
    assert [one.id for one in client.objects.list("projects", page_size=1)] == ["p2", "p1"]
    assert client.objects.delete("projects", "p1") is None
    with pytest.raises(knockapi.NotFoundError):
        client.objects.get("projects", "p1")


def test_channel_data(client, channel_id):
    chat = channel_id("chat")
    client.objects.set_channel_data("projects", "chatty", chat, data={"connections": [{"channel_id": "C1"}]})
    got = client.objects.get_channel_data("projects", "chatty", chat)
    assert got.data.connections[0].channel_id == "C1"
    assert got.data.connections[0].access_token is None
    client.objects.unset_channel_data("projects", "chatty", chat)
    with pytest.raises(knockapi.NotFoundError):
        client.objects.get_channel_data("projects", "chatty", chat)


def test_messages(client, publish, messages_of):
    publish("hook", [HOOK])
    run = client.workflows.trigger("hook", recipients=[{"collection": "projects", "id": "told", "name": "Told"}])
    [message] = messages_of(run.workflow_run_id, 1)
    assert (message.recipient.collection, message.recipient.id) == ("projects", "told")
    assert [one.id for one in client.objects.list_messages("projects", "told", source="hook")] == [message.id]
