import knockapi
import pytest


def test_set_get_list_delete(client):
    client.tenants.set("shop", name="The Shop", settings={"branding": {"primary_color": "#33FF5B"}})
    made = client.tenants.set("shop", settings={"branding": {"logo_url": "https://x.example/l"}})
    got = client.tenants.get("shop")
    assert got == made
    assert (got.api_typename, got.id, got.name) == ("Tenant", "shop", "The Shop")
    assert got.settings.branding.primary_color == "#33FF5B"
    assert got.settings.branding.logo_url == "https://x.example/l"
    client.tenants.set("shop-2", name="Another shop")
    assert [tenant.id for tenant in client.tenants.list(name="SHOP", page_size=1)] == ["shop-2", "shop"]
    assert [tenant.id for tenant in client.tenants.list(tenant_id="shop")] == ["shop"]
    assert client.tenants.delete("shop") is None
    with pytest.raises(knockapi.NotFoundError):
        client.tenants.get("shop")
