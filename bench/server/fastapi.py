# fastapi.py PORT: answers GET /users/N with a small JSON document, by uvicorn as it comes: uvloop and httptools.
import sys

import uvicorn
from fastapi import FastAPI

app = FastAPI()


@app.get("/users/{user_id}")
async def user(user_id: int):
    return {"user_id": user_id, "name": f"user {user_id}"}


uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error", access_log=False)
