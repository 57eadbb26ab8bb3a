"""Slack's own client against our stand-in for Slack, and its block models against our blocks.

    slack.py blocks < posts.json     every list of blocks is parsed and must come back the same
    slack.py views < views.json      the same for modals and homes
    slack.py client API_URL TOKEN TOKEN   a round trip: an event in, an acknowledgement and a post out

Prints one line for each step; any difference is an error.
"""

import json
import sys
import threading

from slack_sdk import WebClient
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View
from slack_sdk.socket_mode.builtin import SocketModeClient
from slack_sdk.socket_mode.response import SocketModeResponse


def blocks() -> None:
    posts = json.load(sys.stdin)
    for number, post in enumerate(posts):
        parsed = [block.to_dict() for block in Block.parse_all(post["blocks"])]
        if parsed != post["blocks"]:
            sys.exit(f"post {number} comes back otherwise:\n{post['blocks']}\n{parsed}")
    print(f"{len(posts)} posts come back the same")


def views() -> None:
    views = json.load(sys.stdin)
    for number, view in enumerate(views):
        parsed = View(**view).to_dict()
        if parsed != view:
            sys.exit(f"view {number} comes back otherwise:\n{view}\n{parsed}")
    print(f"{len(views)} views come back the same")


def client(api_url: str, app_token: str, bot_token: str) -> None:
    web = WebClient(token=bot_token, base_url=api_url + "/", timeout=10)
    print("auth.test:", web.auth_test()["user_id"])
    socket = SocketModeClient(
        app_token=app_token, web_client=WebClient(token=app_token, base_url=api_url + "/", timeout=10)
    )
    finished = threading.Event()

    def answer(client: SocketModeClient, request) -> None:
        if request.type == "slash_commands":
            client.send_socket_mode_response(
                SocketModeResponse(request.envelope_id, {"text": "at once: " + request.payload["text"]})
            )
            finished.set()
            return
        client.send_socket_mode_response(SocketModeResponse(request.envelope_id))
        event = request.payload["event"]
        web.chat_postMessage(
            channel=event["channel"],
            thread_ts=event["ts"],
            text="heard",
            blocks=[{"type": "section", "text": {"type": "plain_text", "text": event["text"]}}],
        )
        web.reactions_add(channel=event["channel"], timestamp=event["ts"], name="eyes")

    socket.socket_mode_request_listeners.append(answer)
    socket.connect()
    print("connected")
    if not finished.wait(30):
        sys.exit("no command came within 30 s")
    socket.close()


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
