"""Discord on loopback as simcord sees it, for a bot in another process.

simcord simulates Discord inside a Python process. This gives its backend the two transports that it
lacks, HTTP and a gateway, and lets a person use the bot: `python discord_simcord.py DIRECT_MESSAGES`.

Standard output: the base address, then one JSON object for each answer of the bot's, then one with
`refused`: every call that simcord refused, which should be none.
"""

import asyncio
import json
import sys

from aiohttp import WSMsgType, web
from simcord.backend import Backend, serializers
from simcord.backend.errors import BackendError
from simcord.http import dispatch
from simcord.interactions import base_payload
from simcord.intents import censor_message

backend = Backend()
bot = backend.bot_user
person = backend.make_user("coder")
guild = backend.create_guild("Clinic", owner_id=person.id)
for user in (person, bot):
    if user.id not in guild.members:
        backend.add_member(guild.id, user.id)
channel = backend.create_channel(guild.id, "coding")
sockets = []
events = 0
refused = []


def say(value):
    print(json.dumps(value), flush=True)


def feed(kind, payload):
    """Sends an event of the backend's to the bot, as an unprivileged bot receives it."""
    global events
    payload = json.loads(json.dumps(payload))
    if kind == "MESSAGE_CREATE":
        censor_message(payload, bot.id, backend=backend)
    events += 1
    for socket in sockets:
        frame = {"op": 0, "s": events, "t": kind, "d": payload}
        asyncio.ensure_future(socket.send_json(frame))


async def gateway(request):
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    await socket.send_json({"op": 10, "d": {"heartbeat_interval": 41250}})
    async for message in socket:
        if message.type != WSMsgType.TEXT:
            continue
        op = json.loads(message.data)["op"]
        if op == 1:
            await socket.send_json({"op": 11})
        elif op == 2:
            sockets.append(socket)
            feed("READY", {
                "v": 10, "user": serializers.user_payload(bot), "guilds": [], "session_id": "one",
                "resume_gateway_url": "wss://unused.invalid",
                "application": {"id": str(backend.application_id), "flags": 0},
            })
    return socket


async def api(request):
    path = request.path.removeprefix("/api/v10")
    if path == "/gateway":
        return web.json_response({"url": f"ws://{request.host}/gateway"})
    body = await request.json() if request.can_read_body else None
    if body and isinstance(body, dict) and "message_reference" in body:
        # Discord takes null for absent here, and serenity writes it in direct messages.
        known = body["message_reference"].items()
        body["message_reference"] = {key: value for key, value in known if value is not None}
    try:
        reply = dispatch(backend, request.method, path, json=body, params=dict(request.query))
    except BackendError as error:
        refused.append(f"{request.method} {path}: {error} {error.errors or ''}")
        return web.json_response(error.to_json(), status=error.status)
    if reply is None or path.endswith("/callback"):
        return web.Response(status=204)
    if path.endswith("/commands"):
        # Discord gives each command a version; simcord does not.
        reply = [dict(command, version=command["id"]) for command in reply]
    return web.json_response(reply)


async def tick():
    """simcord's clock stands still unless moved; its 3 s for a first reply depend on it."""
    while True:
        await asyncio.sleep(0.02)
        backend.advance_clock(0.02)


async def until(found):
    for _ in range(1500):
        if result := found():
            return result
        await asyncio.sleep(0.02)
    raise TimeoutError(f"the bot did not answer; refused: {refused}")


def slash(name, **options):
    command = backend.commands[None][(name, 1)]
    known = {option["name"] for option in command["options"]}
    assert known >= options.keys(), f"/{name} has {known}"
    values = [{"name": key, "type": 3, "value": value} for key, value in options.items()]
    data = {"id": command["id"], "name": name, "type": 1, "options": values}
    record, payload = base_payload(
        backend, type=2, channel_id=channel.id, guild_id=guild.id, user_id=person.id, data=data
    )
    feed("INTERACTION_CREATE", payload)
    return record


def edited(record):
    message = record.message_id and backend.get_message(record.channel_id, record.message_id)
    return message if message and message.embeds else None


def reply_to(question):
    for message in backend.messages[question.channel_id].values():
        if message.author_id == bot.id and (message.reference or {}).get("message_id") == str(question.id):
            return message
    return None


def report(kind, message):
    say({"kind": kind, "embeds": message.embeds, "flags": message.flags, "mentions": message.mention_user_ids})


async def main(direct_messages):
    app = web.Application()
    app.router.add_get("/gateway", gateway)
    app.router.add_route("*", "/{path:.*}", api)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    backend.subscribers.append(feed)
    ticking = asyncio.ensure_future(tick())
    say("http://127.0.0.1:%d" % runner.addresses[0][1])
    await until(lambda: backend.commands.get(None))
    for name, options in [
        ("ask", {"question": "Is M54.50 billable?", "date": "2026-11-24", "setting": "facility"}),
        ("code", {"codes": "M54.50"}),
    ]:
        record = slash(name, **options)
        report(name, await until(lambda: edited(record)))
    question = backend.create_message(channel.id, person.id, f"<@{bot.id}> is M54.50 billable?")
    report("mention", await until(lambda: reply_to(question)))
    private = backend.get_dm_channel(person.id)
    for i in range(direct_messages):
        question = backend.create_message(private.id, person.id, f"question {i}")
        report("direct", await until(lambda: reply_to(question)))
    say({"refused": refused})
    ticking.cancel()


asyncio.run(main(int(sys.argv[1])))
