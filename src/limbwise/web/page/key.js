// The dialog that asks for the server's key.

/** Resolves to what was typed, or to null. `again`: the key before was wrong. */
export function askKey(dialog, again) {
  const input = dialog.querySelector("[type=password]");
  dialog.querySelector("#key-wrong").hidden = !again;
  input.value = "";
  dialog.returnValue = "";
  dialog.querySelector("#key-cancel").onclick = () => dialog.close();
  dialog.showModal();
  input.focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "use" && input.value ? input.value : null), { once: true });
  });
}
