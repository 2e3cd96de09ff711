import knockapi
import pytest
from conftest import FEED_STEP


def test_trigger_once(client, note, messages_of):
    body = dict(recipients=["py", {"id": "py-inline", "name": "Inline"}], data={"text": "from Python"})
    client.users.update("py", name="Py")
    run = client.workflows.trigger(note, **body, idempotency_key="python-once")
    again = client.workflows.trigger(note, **body, idempotency_key="python-once")
    assert again.workflow_run_id == run.workflow_run_id
    assert {message.recipient for message in messages_of(run.workflow_run_id, 2)} == {"py", "py-inline"}
    with pytest.raises(knockapi.BadRequestError) as mismatch:
        client.workflows.trigger(note, recipients=["py"], idempotency_key="python-once")
    assert mismatch.value.body["code"] == "idempotency_mismatch"


def test_cancel(client, publish):
    delay = {"ref": "delay_1", "type": "delay", "settings": {"delay_for": {"unit": "days", "value": 1}}}
    publish("tomorrow", [delay, FEED_STEP])
    client.workflows.trigger("tomorrow", recipients=[{"id": "cancelled"}], cancellation_key="stop")
    assert client.workflows.cancel("tomorrow", cancellation_key="stop") is None
    with pytest.raises(knockapi.NotFoundError):
        client.workflows.trigger("no-such", recipients=["py"])
