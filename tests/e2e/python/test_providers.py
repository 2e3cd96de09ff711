import json
import os

import knockapi
import pytest


def tenant(id):
    return json.dumps({"collection": "$tenants", "object_id": id})


@pytest.fixture(scope="module")
def slack(client, manage, channel_id):
    """The Slack channel, whose provider is the stand-in."""
    settings = {"base_url": os.environ["SLACK_URL"]}
    manage("PUT", "/v1/admin/channels/chat", {"environment": "development", "provider_settings": settings})
    token = {"access_token": "xoxb-good"}
    client.objects.set_channel_data("$tenants", "slacker", channel_id("chat"), data={"token": token})
    return channel_id("chat")


@pytest.fixture(scope="module")
def teams(client, manage, channel_id):
    """The Teams channel, whose provider is the stand-in."""
    settings = {"bot_id": "bot", "bot_password": "secret", "base_url": os.environ["MICROSOFT_URL"]}
    body = {"type": "chat", "provider": "chat_ms_teams", "name": "Teams", "provider_settings": settings}
    manage("PUT", "/v1/admin/channels/teams", body)
    channel = channel_id("teams")
    data = {"ms_teams_tenant_id": "entra-1"}
    client.objects.set_channel_data("$tenants", "teamster", channel, data=data)
    return channel


def test_slack(client, slack):
    helpers, object = client.providers.slack, tenant("slacker")
    assert helpers.check_auth(slack, access_token_object=object).connection.ok is True
    listed = helpers.list_channels(slack, access_token_object=object, query_options={"limit": 1})
    assert [channel.id for channel in listed] == ["C1", "C2"]
    assert helpers.revoke_access(slack, access_token_object=object) == "ok"
    with pytest.raises(knockapi.PermissionDeniedError) as refused:
        helpers.check_auth(slack, access_token_object=object)
    assert refused.value.body["message"] == "Access token not set."


def test_teams(client, teams):
    helpers, object = client.providers.ms_teams, tenant("teamster")
    connection = helpers.check_auth(teams, ms_teams_tenant_object=object).connection
    assert (connection.ok, connection.ms_teams_tenant_id) == (True, "entra-1")
    assert [team.id for team in helpers.list_teams(teams, ms_teams_tenant_object=object)] == ["team-1", "team-2"]
    channels = helpers.list_channels(teams, ms_teams_tenant_object=object, team_id="team-1").ms_teams_channels
    assert [channel.display_name for channel in channels] == ["General"]
    assert helpers.revoke_access(teams, ms_teams_tenant_object=object) == "ok"
    with pytest.raises(knockapi.PermissionDeniedError):
        helpers.check_auth(teams, ms_teams_tenant_object=object)
