"""Non-volatile storage: namespaces of i32 and blob, in one JSON file replaced atomically."""

import json
import os

from boards.virtual import wire
from boards.virtual.nor import PowerCut


class Nvs:
    """What is set waits in RAM until commit; a reset or a power cut before it loses it.

    cut_after   steps until the power goes, or None; a commit has two, before it is written and
                after
    """

    def __init__(self, path):
        self._path = path
        self.cut_after = None
        self._kept = {}
        if os.path.exists(path):
            with open(path, encoding="ascii") as file:
                self._kept = json.load(file)
        self.forget()

    def forget(self):
        """Drop what was not committed."""
        self._now = json.loads(json.dumps(self._kept))

    def act(self, act, space, key, kind, value):
        """One call of esp32.NVS. -> {"code": esp_err_t, "value": int or hex}."""
        entries = self._now.setdefault(space, {})
        if act == "set":
            entries[key] = [kind, value]
            return {"code": 0}
        if act == "commit":
            self._commit(space)
            return {"code": 0}
        if key not in entries:
            return {"code": wire.ESP_ERR_NVS_NOT_FOUND}
        if act == "erase":
            del entries[key]
            return {"code": 0}
        if entries[key][0] != kind:
            return {"code": wire.ESP_ERR_NVS_TYPE_MISMATCH}
        return {"code": 0, "value": entries[key][1]}

    def _step(self):
        if self.cut_after is not None:
            if not self.cut_after:
                raise PowerCut("nvs: commit")
            self.cut_after -= 1

    def _commit(self, space):
        self._step()
        self._kept[space] = dict(self._now[space])
        temporary = self._path + ".new"
        with open(temporary, "w", encoding="ascii") as file:
            json.dump(self._kept, file, indent=1, sort_keys=True)
        os.replace(temporary, self._path)
        self._step()
