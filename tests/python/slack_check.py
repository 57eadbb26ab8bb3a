"""Checks with slack_sdk, the client that Slack's own developers write.

slack_check.py blocks        standard input: a JSON array of block lists; each must survive
                             Block.parse_all and to_dict unchanged.
slack_check.py client URL    a small bot on the stand-in at URL: says "connected", answers one message
                             and one command, provokes two errors, and says "done".
"""

import json
import sys
import threading

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.models.blocks import Block
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.webhook import WebhookClient

APP, BOT = "xapp-1-A0TEST-1-secret", "xoxb-1-secret"


def blocks():
    lists = json.load(sys.stdin)
    for number, wanted in enumerate(lists):
        got = [block.to_dict() for block in Block.parse_all(wanted)]
        if got != wanted:
            sys.exit(f"list {number}: slack_sdk reads {got!r} from {wanted!r}")
    print(f"{len(lists)} lists")


def client(url):
    web = WebClient(token=BOT, base_url=url + "/", timeout=10)
    assert web.auth_test()["user_id"] == "U0BOT"
    error_of(lambda: WebClient(token="xoxb-wrong", base_url=url + "/").auth_test(), 200, "invalid_auth")
    limited = error_of(lambda: web.chat_postMessage(channel="C1", text="limited"), 429, "ratelimited")
    assert limited.headers["retry-after"] == "7", limited.headers
    pending = {"message", "command"}
    done = threading.Event()

    def on_request(sockets, request):
        if request.type == "events_api":
            event = request.payload["event"]
            sockets.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))
            web.chat_postMessage(channel=event["channel"], thread_ts=event["ts"], text="seen by slack_sdk")
            pending.discard("message")
        elif request.type == "slash_commands":
            sockets.send_socket_mode_response(
                SocketModeResponse(envelope_id=request.envelope_id, payload={"text": "one moment"})
            )
            sent = WebhookClient(request.payload["response_url"]).send(
                text=f"{request.payload['command']} seen by slack_sdk", response_type="ephemeral"
            )
            assert (sent.status_code, sent.body) == (200, "ok"), sent.body
            pending.discard("command")
        if not pending:
            done.set()

    sockets = SocketModeClient(app_token=APP, web_client=web)
    sockets.socket_mode_request_listeners.append(on_request)
    sockets.connect()
    print("connected", flush=True)
    if not done.wait(20):
        sys.exit(f"never arrived: {pending}")
    sockets.close()
    print("done", flush=True)


def error_of(call, status, code):
    try:
        call()
    except SlackApiError as error:
        assert error.response.status_code == status, error.response.status_code
        assert error.response["error"] == code, error.response
        return error.response
    sys.exit(f"no error, but {code} was due")


if __name__ == "__main__":
    {"blocks": blocks, "client": client}[sys.argv[1]](*sys.argv[2:])
