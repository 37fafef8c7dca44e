// An invitation link ends in #token=…: a fragment stays in the browser, so no
// server's log has it. Without this script the visitor pastes the token.
(function () {
  "use strict";
  function take() {
    var found = /^#token=([^&]+)/.exec(location.hash);
    var field = document.getElementById("token");
    if (!found || !field) return;
    try {
      field.value = decodeURIComponent(found[1]);
    } catch (e) {
      field.value = found[1];
    }
    // out of the address bar and the history, before somebody shares it
    history.replaceState(null, "", location.pathname + location.search);
    var folded = field.closest("details");
    if (folded) folded.open = true;
    var fields = field.form.querySelectorAll("input:not([type=hidden]), button");
    for (var i = 0; i < fields.length; i++) {
      if (!fields[i].value) {
        fields[i].focus();
        return;
      }
    }
  }
  take();
  addEventListener("hashchange", take);
})();
