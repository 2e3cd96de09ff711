import pytest


@pytest.mark.parametrize("name", ["census", "hightouch"])
def test_json_rpc(client, name):
    integrations = client.integrations
    call = {
        "census": integrations.census.custom_destination,
        "hightouch": integrations.hightouch.embedded_destination,
    }[name]
    tested = call(id="1", jsonrpc="2.0", method="test_connection")
    assert tested.id == "1"
    assert tested.result["success"] is True
    unknown = call(id="2", jsonrpc="2.0", method="no_such_method")
    assert unknown.result is None and unknown.error["code"] == -32601
