import knockapi
import pytest


def test_of_a_user(client):
    prefs = client.users
    put = prefs.set_preferences("chooser", "default", categories={"col": {"channel_types": {"email": True}}})
    assert put.id == "default" and put.channel_types is None
    assert put.categories["col"].channel_types.email is True
    merged = prefs.set_preferences(
        "chooser", "default", _persistence_strategy="merge", channel_types={"sms": False}
    )
    assert merged.channel_types.sms is False
    assert merged.categories["col"].channel_types.email is True
    assert prefs.get_preferences("chooser", "default") == merged
    prefs.set_preferences("chooser", "acme", workflows={"note": False})
    assert [one.id for one in prefs.list_preferences("chooser")] == ["default", "acme"]
    assert prefs.unset_preferences("chooser", "acme") is None
    assert [one.id for one in prefs.list_preferences("chooser")] == ["default"]
    with pytest.raises(knockapi.UnprocessableEntityError):
        prefs.set_preferences("chooser", "default", channels={"no-uuid": True})


def test_of_an_object(client):
    objects = client.objects
    made = objects.set_preferences("teams", "red", "default", channel_types={"chat": False})
    assert made.channel_types.chat is False
    assert objects.get_preferences("teams", "red", "default") == made
    assert [one.id for one in objects.list_preferences("teams", "red")] == ["default"]
    objects.unset_preferences("teams", "red", "default")
    assert objects.get_preferences("teams", "red", "default").channel_types is None


def test_of_many_users(client, bulk_end):
    preferences = {"channel_types": {"sms": False}}
    operation = client.users.bulk.set_preferences(preferences=preferences, user_ids=["many-1", "many-2"])
    ended = bulk_end(operation)
    assert (ended.status, ended.success_count) == ("completed", 2)
    assert client.users.get_preferences("many-2", "default").channel_types.sms is False


def test_center(client):
    client.users.update("centered", email="centered@collab.example")
    center = client.users.preference_center.get_config("centered")
    assert center.user_email == "centered@collab.example"
    assert [row.type for row in center.config.rows] == ["commercial_subscribed"]
    link = client.users.preference_center.generate_signed_url("centered")
    assert link.url.endswith(f"/p/{link.token}")
