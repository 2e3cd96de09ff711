import knockapi
import pytest


@pytest.fixture
def done(bulk_end):
    """The operation has ended, with `rows` rows done and none failed."""

    def done(operation, rows):
        assert operation.status == "queued"
        ended = bulk_end(operation)
        assert (ended.status, ended.processed_rows, ended.error_count) == ("completed", rows, 0)

    return done


def test_users(client, done):
    done(client.users.bulk.identify(users=[{"id": "b1", "name": "One"}, {"id": "b2", "plan": "pro"}]), 2)
    assert (client.users.get("b1").name, client.users.get("b2").plan) == ("One", "pro")
    done(client.users.bulk.delete(user_ids=["b1", "b2"]), 2)
    with pytest.raises(knockapi.NotFoundError):
        client.users.get("b1")


def test_objects(client, done):
    bulk = client.objects.bulk
    done(bulk.set("assets", objects=[{"id": "o1", "name": "One"}, {"id": "o2"}]), 2)
    assert client.objects.get("assets", "o1").properties == {"name": "One"}
    subscription = {"id": "o1", "recipients": [{"id": "bulk-follower", "name": "Follower"}]}
    done(bulk.add_subscriptions("assets", subscriptions=[subscription]), 1)
    assert len(client.objects.list_subscriptions("assets", "o1").entries) == 1
    done(bulk.delete_subscriptions("assets", subscriptions=[{"id": "o1", "recipients": ["bulk-follower"]}]), 1)
    assert client.objects.list_subscriptions("assets", "o1").entries == []
    done(bulk.delete("assets", object_ids=["o1", "o2"]), 2)
    assert client.objects.list("assets").entries == []


def test_tenants(client, done):
    done(client.tenants.bulk.set(tenants=["stub", {"id": "full", "name": "Full"}]), 2)
    assert (client.tenants.get("stub").name, client.tenants.get("full").name) == (None, "Full")
    done(client.tenants.bulk.delete(tenant_ids=["stub", "full"]), 2)
    with pytest.raises(knockapi.NotFoundError):
        client.tenants.get("full")


def test_messages(client, done, note, messages_of, channel_id):
    run = client.workflows.trigger(note, recipients=[{"id": "bulk-reader"}], data={"text": "x"})
    [message] = messages_of(run.workflow_run_id, 1)
    operation = client.channels.bulk.update_message_status(
        channel_id("in-app-feed"), "read", recipient_ids=["bulk-reader"], engagement_status="unread"
    )
    done(operation, 1)
    assert client.messages.get(message.id).engagement_statuses == ["read"]
