"use strict";
// Starts the training thread.

// The training thread: a worker made of the engine's text and its own.
function trainingWorker(onMessage, onFault) {
  const text = `${byId("engine").textContent}\n${byId("worker").textContent}`;
  const worker = new Worker(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
  worker.onmessage = (event) => onMessage(event.data);
  worker.onerror = (event) => {
    event.preventDefault();
    onFault(event.message || "the worker did not start");
  };
  return worker;
}
