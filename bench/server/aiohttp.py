# aiohttp.py PORT: answers GET /users/N with a small JSON document.
import sys

from aiohttp import web


async def user(request):
    user_id = int(request.match_info["user_id"])
    return web.json_response({"user_id": user_id, "name": f"user {user_id}"})


app = web.Application()
app.router.add_get(r"/users/{user_id:\d+}", user)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)
