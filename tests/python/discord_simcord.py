"""Discord on loopback as simcord sees it, for a bot in another process.

simcord simulates Discord inside a Python process. This gives its backend the two transports that it
lacks, HTTP and a gateway, and lets a person use the bot in every way there is:
`python discord_simcord.py DIRECT_MESSAGES`.

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
# What stood on the message with the button when it was pressed, by interaction.
stood = {}
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


def use(kind, data, source=None):
    """The person uses the bot in the channel, or on a message of the bot's."""
    where = source.channel_id if source else channel.id
    record, payload = base_payload(
        backend, type=kind, channel_id=where, guild_id=guild.id, user_id=person.id, data=data
    )
    if source:
        record.source_message_id = source.id
        stood[record.id] = json.dumps(source.embeds)
        payload["message"] = dict(serializers.message_payload(backend, source))
        payload["message"]["flags"] = source.flags
    feed("INTERACTION_CREATE", payload)
    return record


def command(name, kind=1):
    return backend.commands[None][(name, kind)]


def options_of(spec, options):
    known = {option["name"] for option in spec["options"]}
    assert known >= options.keys(), f"{spec['name']} has {known}"
    return [{"name": key, "type": 3, "value": value} for key, value in options.items()]


def slash(name, **options):
    spec = command(name)
    data = {"id": spec["id"], "name": name, "type": 1, "options": options_of(spec, options)}
    return use(2, data)


def casebook(sub, **options):
    spec = command("casebook")
    below = next(option for option in spec["options"] if option["name"] == sub)
    values = options_of(below, options) if options else []
    nested = [{"name": sub, "type": 1, "options": values}]
    return use(2, {"id": spec["id"], "name": "casebook", "type": 1, "options": nested})


def menu(name, target):
    resolved = {"messages": {str(target.id): dict(serializers.message_payload(backend, target))}}
    spec = command(name, 3)
    data = {"id": spec["id"], "name": name, "type": 3, "target_id": str(target.id), "resolved": resolved}
    return use(2, data)


def types(name, option, typed):
    spec = command(name)
    assert any(known["name"] == option and known.get("autocomplete") for known in spec["options"])
    values = [{"name": option, "type": 3, "value": typed, "focused": True}]
    return use(4, {"id": spec["id"], "name": name, "type": 1, "options": values})


def press(message, label):
    parts = [part for row in message.components for part in row["components"]]
    button = next(part for part in parts if part["label"].startswith(label))
    return use(3, {"custom_id": button["custom_id"], "component_type": 2}, message)


def submit(record, text, source=None):
    """The person fills in the form that an interaction opened."""
    record.modal_consumed = True
    field = record.modal["components"][0]["components"][0]
    part = {"type": 4, "custom_id": field["custom_id"], "value": text}
    row = {"type": 1, "components": [part]}
    return use(5, {"custom_id": record.modal["custom_id"], "components": [row]}, source)


def edited(record):
    """What the person sees in the end: the message of the first reply, or the one that a button changed."""
    if record.message_id:
        message = backend.get_message(record.channel_id, record.message_id)
        return message if message and message.embeds and not message.flags & 128 else None
    source = record.source_message_id
    message = source and backend.get_message(record.channel_id, source)
    return message if message and json.dumps(message.embeds) != stood[record.id] else None


def reply_to(question):
    """The reply to a message: below it, or in the thread that it began."""
    for message in backend.messages.get(question.id, {}).values():
        if message.author_id == bot.id and message.embeds:
            return message
    for message in backend.messages[question.channel_id].values():
        if message.author_id == bot.id and (message.reference or {}).get("message_id") == str(question.id):
            return message
    return None


def report(kind, message):
    say({
        "kind": kind, "embeds": message.embeds, "flags": message.flags, "mentions": message.mention_user_ids,
        "components": message.components, "channel": str(message.channel_id),
    })


async def answered(kind, record):
    message = await until(lambda: edited(record))
    report(kind, message)
    return message


async def use_everything():
    answer = await answered("ask", slash(
        "ask", question="Is M54.50 billable?", date="2026-11-24", setting="facility"
    ))
    await answered("code", slash("code", codes="M54.50"))
    await answered("codes", slash("codes", text="low back pain"))
    await answered("check", slash("check", codes="77003 62323-59"))
    typing = types("code", "codes", "M54")
    await until(lambda: typing.autocomplete_choices is not None)
    say({"kind": "choices", "choices": typing.autocomplete_choices})
    case = slash("case")
    await until(lambda: case.modal)
    await answered("case", submit(case, "Assessment: low back pain."))
    for sub in ["config", "gaps", "usage", "editions", "help"]:
        await answered(sub, casebook(sub))
    await answered("changed", casebook("config", setting="facility", locality="Houston"))
    note = backend.create_message(channel.id, person.id, "is M54.50 billable?")
    await answered("menu", menu("Ask Casebook", note))
    await answered("card", press(answer, "Full card"))
    await answered("related", press(answer, "Is M54.50"))
    about = press(answer, "Ask about")
    await until(lambda: about.modal)
    await answered("about", submit(about, "Which modifiers?", answer))
    await answered("helpful", press(answer, "Helpful"))
    worse = press(answer, "Not helpful")
    await until(lambda: worse.modal)
    await answered("not helpful", submit(worse, "The edition is old", answer))
    before = set(backend.messages[channel.id])
    await answered("share", press(answer, "Share"))
    shared = [backend.messages[channel.id][new] for new in set(backend.messages[channel.id]) - before]
    report("shared", next(message for message in shared if not message.flags & 64))
    long = await answered("long", slash("ask", question="long please"))
    await answered("more", press(long, "More passages"))
    question = backend.create_message(channel.id, person.id, f"<@{bot.id}> is M54.50 billable?")
    reply = await until(lambda: reply_to(question))
    report("mention", reply)
    further = press(reply, "Ask on")
    await until(lambda: further.modal)
    await answered("asked on", submit(further, "And in 2025?", reply))


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
    await use_everything()
    private = backend.get_dm_channel(person.id)
    for i in range(direct_messages):
        question = backend.create_message(private.id, person.id, f"question {i}")
        report("direct", await until(lambda: reply_to(question)))
    say({"refused": refused})
    ticking.cancel()


asyncio.run(main(int(sys.argv[1])))
