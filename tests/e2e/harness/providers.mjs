// Stand-ins for Slack and Microsoft: what they say to the helpers of their channels, for `startHttpReceiver`.

export const channelsOfSlack = [
  { id: "C1", name: "general", is_private: false, is_im: false, context_team_id: "T1" },
  { id: "C2", name: "secret", is_private: true, is_im: false, context_team_id: "T1" },
];
const teams = [{ id: "team-1", displayName: "Crew", description: null }, { id: "team-2", displayName: "Board" }];
const channelsOfTeams = [{ id: "19:general@thread.tacv2", displayName: "General", membershipType: "standard" }];

/** What Slack says to `xoxb-good`, and to any other token. */
export function slack({ url, headers, body }) {
  if (!`${headers.authorization} ${body} ${url}`.includes("xoxb-good")) return { body: { ok: false, error: "invalid_auth" } };
  const path = new URL(url, "http://slack.com").pathname;
  if (path.endsWith("/auth.test")) return { body: { ok: true, team_id: "T1", user_id: "U1" } };
  if (path.endsWith("/auth.revoke")) return { body: { ok: true, revoked: true } };
  if (!path.endsWith("/conversations.list")) return { status: 404 };
  const cursor = new URLSearchParams(`${body}&${url.split("?")[1] ?? ""}`).get("cursor");
  const [channels, next_cursor] = cursor ? [channelsOfSlack.slice(1), ""] : [channelsOfSlack.slice(0, 1), "more"];
  return { body: { ok: true, channels, response_metadata: { next_cursor } } };
}

/** What Microsoft says: a token to everybody, then the teams and channels of the tenant. */
export function microsoft({ url, headers }) {
  const { pathname, searchParams } = new URL(url, "https://graph.microsoft.com");
  if (pathname.endsWith("/token")) return { body: { token_type: "Bearer", expires_in: 3600, access_token: "graph-token" } };
  if (headers.authorization !== "Bearer graph-token") return { status: 401, body: { error: { code: "Unauthorized" } } };
  if (pathname.endsWith("/channels")) return { body: { value: channelsOfTeams } };
  if (!pathname.endsWith("/teams")) return { body: { value: [] } };
  if (searchParams.get("$skiptoken")) return { body: { value: teams.slice(1) } };
  return { body: { value: teams.slice(0, 1), "@odata.nextLink": "https://graph.microsoft.com/v1.0/teams?$skiptoken=more" } };
}
