from conftest import eventually


def test_list_and_get(client, note, messages_of):
    run = client.workflows.trigger(note, recipients=[{"id": "runner", "name": "Runner"}], tenant="runs")
    [message] = messages_of(run.workflow_run_id, 1)
    query = dict(workflow=note, recipient="runner", tenant="runs", has_errors=False, status=["completed"])
    [listed] = eventually("the run is completed", lambda: list(client.workflow_recipient_runs.list(**query)))
    assert listed.workflow_run_id == run.workflow_run_id
    assert listed.id == message.source.workflow_recipient_run_id
    assert (listed.recipient, listed.status, listed.error_count) == ("runner", "completed", 0)
    assert listed.trigger_source.type == "api"
    detail = client.workflow_recipient_runs.get(listed.id)
    [enqueued] = [event for event in detail.events if event.event == "message_enqueued"]
    assert enqueued.data["message_id"] == message.id
    query["status"] = ["paused"]
    assert client.workflow_recipient_runs.list(**query).items == []
