"""The official Python client against the server in BASE_URL: identify, trigger, read. Any mismatch raises."""

import os
import time

import knockapi

client = knockapi.Knock(base_url=os.environ["BASE_URL"], api_key=os.environ["SECRET_KEY"], max_retries=0)

user = client.users.update(user_id="py", name="Py", email="py@collab.example")
assert (user.id, user.name) == ("py", "Py"), user

run = client.workflows.trigger(
    key="note",
    recipients=["py", {"id": "py-inline", "name": "Inline"}],
    data={"text": "from Python", "id": 1},
    idempotency_key="python-once",
)
again = client.workflows.trigger(
    key="note",
    recipients=["py", {"id": "py-inline", "name": "Inline"}],
    data={"text": "from Python", "id": 1},
    idempotency_key="python-once",
)
assert again.workflow_run_id == run.workflow_run_id, (run, again)

deadline = time.monotonic() + 20
while True:
    messages = list(client.messages.list(workflow_run_id=run.workflow_run_id, page_size=1))
    if len(messages) == 2:
        break
    assert time.monotonic() < deadline, f"{len(messages)} messages instead of 2"
    time.sleep(0.05)
assert {message.recipient for message in messages} == {"py", "py-inline"}, messages

feed = client.users.feeds.list_items("py", os.environ["FEED_ID"])
assert [item.id for item in feed.entries] == [m.id for m in messages if m.recipient == "py"], feed
read = client.messages.mark_as_read(feed.entries[0].id)
assert read.read_at is not None, read

client.users.delete("py")
try:
    client.users.get("py")
except knockapi.NotFoundError as error:
    assert error.status_code == 404
else:
    raise AssertionError("a deleted user is still there")
print("ok")
