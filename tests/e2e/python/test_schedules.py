from datetime import datetime, timezone

import knockapi
import pytest

MONDAYS = [{"frequency": "weekly", "days": ["mon"], "hours": 9}]


def test_create_list_update_delete(client, note):
    schedules = client.schedules
    made = schedules.create(
        workflow=note,
        recipients=[{"id": "weekly", "name": "Weekly"}, {"collection": "teams", "id": "weekly", "name": "Team"}],
        repeats=MONDAYS,
        data={"text": "again"},
        tenant="acme",
    )
    user, team = made
    assert (user.recipient.id, team.recipient.collection) == ("weekly", "teams")
    due = user.next_occurrence_at
    assert (due.weekday(), due.hour, due.minute) == (0, 9, 0)
    assert user.data == {"text": "again"} and user.tenant == "acme"
    assert [one.id for one in schedules.list(workflow=note, recipients=["weekly"])] == [user.id]
    both = {one.id for one in schedules.list(workflow=note, tenant="acme", page_size=1)}
    assert both == {user.id, team.id}
    assert [one.id for one in client.users.list_schedules("weekly")] == [user.id]
    assert [one.id for one in client.objects.list_schedules("teams", "weekly")] == [team.id]
    [moved] = schedules.update(schedule_ids=[user.id], scheduled_at=datetime(2099, 1, 1, tzinfo=timezone.utc))
    assert moved.next_occurrence_at == datetime(2099, 1, 5, 9, tzinfo=timezone.utc)
    assert {one.id for one in schedules.delete(schedule_ids=[user.id, team.id])} == both
    assert schedules.list(workflow=note, tenant="acme").entries == []


def test_bulk(client, note, bulk_end):
    schedule = {"workflow": note, "repeats": MONDAYS}
    operation = client.schedules.bulk.create(
        schedules=[{**schedule, "recipient": {"id": f"bulk-{n}"}} for n in range(3)]
    )
    ended = bulk_end(operation)
    assert (ended.status, ended.success_count, ended.error_count) == ("completed", 3, 0)
    assert len(client.users.list_schedules("bulk-2").entries) == 1


def test_never_due(client, note):
    with pytest.raises(knockapi.UnprocessableEntityError):
        client.schedules.create(workflow=note, recipients=["weekly"])
