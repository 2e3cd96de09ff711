import knockapi
import pytest


def test_members(client):
    audiences = client.audiences
    members = [{"user": {"id": "fan", "name": "Fan"}}, {"user": {"id": "fan"}, "tenant": "acme"}]
    with pytest.raises(knockapi.NotFoundError):
        audiences.add_members("fans", members=members)
    assert audiences.add_members("fans", members=members, create_audience=True) is None
    entries = audiences.list_members("fans").entries
    assert {(one.user_id, one.tenant) for one in entries} == {("fan", None), ("fan", "acme")}
    assert entries[0].user.name == "Fan"
    assert audiences.remove_members("fans", members=[{"user": {"id": "fan"}}]) is None
    assert [one.tenant for one in audiences.list_members("fans").entries] == ["acme"]
