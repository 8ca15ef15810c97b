"""`limbwise serve`: people in images, videos and live streams for other programs, and a page to look at them."""

from __future__ import annotations

import sys
from dataclasses import replace

from limbwise.errors import require
from limbwise.estimate.estimator import Estimator
from limbwise.estimate.grouping import DecoderOptions
from limbwise.fields import Given
from limbwise.web.options import ServedModels, ServeOptions, key_from_environment


def serve(options: ServeOptions, models: ServedModels, decoding: Given[DecoderOptions]) -> None:
    """Answer over HTTP and WebSocket, and show a page, until Ctrl-C. Clients need a key where LIMBWISE_API_KEY holds one."""
    for module in ("fastapi", "uvicorn", "websockets", "python_multipart", "prometheus_client"):
        require(module, "serve")
    from limbwise.web.app import create_app, warm_up
    from limbwise.web.run import answer, open_socket

    with open_socket(options) as listener:
        options = replace(options, port=listener.getsockname()[1])
        estimators = {name: Estimator(decode=decoding, **each) for name, each in models.each().items()}
        for estimator in estimators.values():
            warm_up(estimator)
        app = create_app(estimators, options, key_from_environment())
        place = f"[{options.host}]" if ":" in options.host else options.host
        print(
            f"limbwise: serving {', '.join(estimators)} on http://{place}:{options.port}", file=sys.stderr, flush=True
        )
        answer(app, options, listener)
