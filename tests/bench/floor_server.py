"""The floor: a plain FastAPI route that decodes the review with orjson and allows it, on the same uvicorn."""

import sys

import orjson
import uvicorn
from fastapi import FastAPI, Request, Response

app = FastAPI()


@app.post("/inject")
async def inject(request: Request) -> Response:
    """Allow every pod."""
    uid = orjson.loads(await request.body())["request"]["uid"]
    response = {"uid": uid, "allowed": True}
    review = {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "response": response}
    return Response(orjson.dumps(review), media_type="application/json")


@app.get("/readyz")
async def readyz() -> dict[str, bool]:
    """Whether it serves."""
    return {"ready": True}


def main(port: str, certificate: str, key: str, workers: str) -> None:
    """Serve until told to stop."""
    uvicorn.run(
        "tests.bench.floor_server:app",
        port=int(port),
        workers=int(workers),
        http="httptools",
        loop="uvloop",
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="warning",
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
