"""The line between the VM and the simulated hardware: three pipes beside stdin and stdout.

REQUEST (VM to bridge): frames of u8 op, u8 arg, u16 payload size (little-endian), payload.
    Frames of ops without a reply travel with the next one that has a reply.
REPLY (bridge to VM): i32 status (0, or an ESP-IDF error), u32 payload size, payload.
MESSAGES (bridge to VM, at any time): one JSON object a line.
vm/buslink.mjs holds the same numbers.
"""

import struct

PIN = 1  # arg pin, u8 level; no reply
PIN_MODE = 2  # arg pin, u8 mode of machine.Pin; no reply
PIN_READ = 3  # arg pin; status is the level
SPI = 4  # arg bus, bytes of MOSI; bytes of MISO
FLASH_READ = 6  # u32 address, u32 size; bytes
FLASH_PROGRAM = 7  # u32 address, bytes
FLASH_ERASE = 8  # u32 address, u32 size
CALL = 10  # JSON; JSON
STEP = 11  # u32 ms of the held clock; status 1: stop here; f64 rtc ms, f64 advanced ms
EVENT = 12  # JSON; no reply
WDT_FEED = 13  # no reply
RTC_STORE = 14  # bytes of the retained memory
RTC_LOAD = 15  # -; bytes

HEADER = struct.Struct("<BBH")
REPLY = struct.Struct("<iI")
TWO_U32 = struct.Struct("<II")
U32 = struct.Struct("<I")
CLOCKS = struct.Struct("<dd")

# esp_err_t of ESP-IDF
ESP_FAIL = -1
ESP_ERR_INVALID_ARG = 0x102
ESP_ERR_INVALID_STATE = 0x103
ESP_ERR_INVALID_SIZE = 0x104
ESP_ERR_NVS_NOT_FOUND = 0x1102
ESP_ERR_NVS_TYPE_MISMATCH = 0x1103
