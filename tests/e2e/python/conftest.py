"""What the tests of the official Python client share. They run against the server of python_sdk.test.mjs, which names
it in BASE_URL, SECRET_KEY and SERVICE_TOKEN. A run of all files fails when a method of the client was never called."""

import inspect
import os
import time
from pathlib import Path

import httpx
import knockapi
import pytest
from knockapi._resource import SyncAPIResource

FOLDER = Path(__file__).parent
FEED_STEP = {
    "ref": "feed_1",
    "type": "channel",
    "channel_key": "in-app-feed",
    "template": {
        "markdown_body": "**{{ actor.name | default: 'Someone' }}** wrote to {{ recipient.name }}: {{ data.text }}"
    },
}
called: set[str] = set()


def methods_of(resource, prefix):
    """`(name, resource, method)` of every method of `resource` and of those under it."""
    for name, member in vars(type(resource)).items():
        if name.startswith("_") or name in ("with_raw_response", "with_streaming_response"):
            continue
        if inspect.isfunction(member):
            yield prefix + name, resource, name
        elif isinstance(inner := getattr(resource, name), SyncAPIResource):
            yield from methods_of(inner, f"{prefix}{name}.")


def all_methods(client):
    for name in vars(type(client)):
        if not name.startswith("_") and isinstance(resource := getattr(client, name), SyncAPIResource):
            yield from methods_of(resource, f"{name}.")


def noting(name, method):
    def call(*args, **kwargs):
        answer = method(*args, **kwargs)
        called.add(name)
        return answer

    return call


def pytest_sessionfinish(session, exitstatus):
    """After a run of every file that went well, what nobody called is a failure."""
    if exitstatus != 0 or {item.path for item in session.items} != set(FOLDER.glob("test_*.py")):
        return
    every = {name for name, _, _ in all_methods(knockapi.Knock(api_key="sk_test_of_nobody"))}
    if uncalled := sorted(every - called):
        print(f"\nno test calls these methods of knockapi with success: {', '.join(uncalled)}")
        session.exitstatus = 1


def eventually(what, probe, seconds=20):
    """What `probe` returns once it is truthy."""
    end = time.monotonic() + seconds
    while not (seen := probe()):
        assert time.monotonic() < end, f"after {seconds} s there is still not: {what}"
        time.sleep(0.02)
    return seen


@pytest.fixture(scope="session")
def client():
    """Told nothing but another address. Failures must show, so it does not retry."""
    client = knockapi.Knock(
        base_url=os.environ["BASE_URL"], api_key=os.environ["SECRET_KEY"], max_retries=0, timeout=20
    )
    for name, resource, method in list(all_methods(client)):
        setattr(resource, method, noting(name, getattr(resource, method)))
    return client


@pytest.fixture(scope="session")
def manage():
    """A management or admin call that must succeed; returns its body."""
    headers = {"authorization": f"Bearer {os.environ['SERVICE_TOKEN']}"}
    with httpx.Client(base_url=os.environ["BASE_URL"], headers=headers, timeout=20) as http:

        def call(method, path, body=None):
            answer = http.request(method, path, json=body)
            assert answer.is_success, f"{method} {path} answered {answer.status_code}: {answer.text}"
            return answer.json()

        yield call


@pytest.fixture(scope="session")
def publish(manage):
    """Saves and publishes a workflow in development."""

    def publish(key, steps, **rest):
        body = {"workflow": {"name": key, "steps": steps, **rest}}
        manage("PUT", f"/v1/workflows/{key}?environment=development&commit=true", body)

    return publish


@pytest.fixture(scope="session")
def note(publish):
    """The key of a workflow that puts one item into each recipient's feed."""
    publish("note", [FEED_STEP])
    return "note"


@pytest.fixture(scope="session")
def channel_id(manage):
    """The id of a channel by its key."""

    def channel_id(key):
        return {entry["key"]: entry["id"] for entry in manage("GET", "/v1/channels")["entries"]}[key]

    return channel_id


@pytest.fixture(scope="session")
def messages_of(client):
    """All messages of a run once `count` of them exist, newest first."""

    def messages_of(run_id, count):
        def found():
            messages = list(client.messages.list(workflow_run_id=run_id))
            return messages if len(messages) >= count else None

        return eventually(f"{count} messages of run {run_id}", found)

    return messages_of


@pytest.fixture(scope="session")
def bulk_end(client):
    """A bulk operation once it has ended."""

    def bulk_end(operation):
        def ended():
            now = client.bulk_operations.get(operation.id)
            return now if now.status in ("completed", "failed") else None

        return eventually(f"bulk operation {operation.name} ends", ended)

    return bulk_end
