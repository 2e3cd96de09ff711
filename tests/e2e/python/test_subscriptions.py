def test_add_list_remove(client):
    objects = client.objects
    client.users.update("follower", name="Follower")
    made = objects.add_subscriptions(
        "teams", "blue", recipients=["follower", {"id": "fresh", "name": "Fresh"}], properties={"role": "editor"}
    )
    assert [one.recipient.id for one in made] == ["follower", "fresh"]
    assert made[0].properties == {"role": "editor"} and made[0].object.id == "blue"
    listed = [one.recipient.id for one in objects.list_subscriptions("teams", "blue", page_size=1)]
    assert sorted(listed) == ["follower", "fresh"]
    [one] = objects.list_subscriptions("teams", "blue", recipients=["fresh"]).entries
    assert one.recipient.name == "Fresh"
    mine = client.users.list_subscriptions("fresh", objects=[{"collection": "teams", "id": "blue"}])
    assert [one.object.id for one in mine.entries] == ["blue"]
    assert client.users.list_subscriptions("fresh", objects=[{"collection": "teams", "id": "red"}]).entries == []
    removed = objects.delete_subscriptions("teams", "blue", recipients=["follower"])
    assert [one.recipient.id for one in removed] == ["follower"]
    assert [one.recipient.id for one in objects.list_subscriptions("teams", "blue")] == ["fresh"]
