import knockapi
import pytest


def test_merge(client):
    client.users.update("primary", name="Ada", extra_body={"meta": {"a": 1}})
    client.users.update("secondary", name="G", email="a@x.example", extra_body={"meta": {"a": 2, "b": 3}})
    merged = client.users.merge("primary", from_user_id="secondary")
    assert (merged.name, merged.email, merged.meta) == ("Ada", "a@x.example", {"a": 1, "b": 3})
    assert client.users.get("primary") == merged
    with pytest.raises(knockapi.NotFoundError):
        client.users.get("secondary")
