from datetime import datetime

import knockapi
import pytest


def test_identify_and_get(client):
    made = client.users.update("ada", name="Ada", email="ada@collab.example", extra_body={"plan": "pro"})
    got = client.users.get("ada")
    assert got == made
    assert (got.api_typename, got.id, got.name, got.email) == ("User", "ada", "Ada", "ada@collab.example")
    assert got.phone_number is None and got.created_at is None
    assert isinstance(got.updated_at, datetime)
    assert got.plan == "pro"
    assert client.users.update("ada", extra_body={"seats": 3}).plan == "pro"


def test_unknown_and_bad(client):
    with pytest.raises(knockapi.NotFoundError) as missing:
        client.users.get("nobody-ever")
    assert missing.value.body["code"] == "resource_missing"
    with pytest.raises(knockapi.UnprocessableEntityError) as bad:
        client.users.update("bad", timezone="Mars/Base")
    assert [error["field"] for error in bad.value.body["errors"]] == ["timezone"]


def test_list_page_by_page(client):
    for n in range(3):
        client.users.update(f"listed-{n}", name=f"Listed {n}")
    assert len(client.users.list(page_size=2).entries) == 2
    ids = [user.id for user in client.users.list(page_size=2)]
    assert [one for one in ids if one.startswith("listed-")] == ["listed-2", "listed-1", "listed-0"]
    assert len(ids) == len(set(ids))


def test_delete(client):
    client.users.update("leaver", name="Leaver")
    assert client.users.delete("leaver") is None
    with pytest.raises(knockapi.NotFoundError):
        client.users.get("leaver")


def test_channel_data(client, channel_id):
    push = channel_id("push")
    client.users.set_channel_data("phone", push, data={"tokens": ["t1", "t2"]})
    got = client.users.get_channel_data("phone", push)
    assert (got.channel_id, got.provider) == (push, "push_fcm")
    assert [device.token for device in got.data.devices] == ["t1", "t2"]
    client.users.unset_channel_data("phone", push)
    with pytest.raises(knockapi.NotFoundError):
        client.users.get_channel_data("phone", push)


def test_messages_and_feed(client, note, channel_id, messages_of):
    run = client.workflows.trigger(
        note, recipients=[{"id": "reader", "name": "Reader"}, "ghost"], data={"text": "hello"}, tenant="acme"
    )
    [message] = messages_of(run.workflow_run_id, 1)
    assert [one.id for one in client.users.list_messages("reader", tenant="acme")] == [message.id]
    assert client.users.list_messages("reader", tenant="beta").items == []
    feed = channel_id("in-app-feed")
    page = client.users.feeds.list_items("reader", feed, status="unread", tenant="acme")
    assert [item.id for item in page.entries] == [message.id]
    assert page.entries[0].blocks[0].rendered.strip() == "<p><strong>Someone</strong> wrote to Reader: hello</p>"
    assert client.users.feeds.list_items("reader", feed, status="read").entries == []
    assert client.users.feeds.get_settings("reader", feed).features.branding_required is False
