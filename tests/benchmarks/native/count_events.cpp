// The limit that counting is measured against: gunzip (ISA-L), parse (simdjson on demand), drop copies, count; one thread.
// It knows one spelling of events, checks nothing, and keeps no accounting: a floor under the time, not a counter.
// Prints one JSON object: lines, counted, keys, CPU seconds, peak memory in MB. Usage: count_events FILE.gz [SEPARATE]
#include <isa-l/igzip_lib.h>
#include <simdjson.h>
#include <sys/resource.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace {

constexpr size_t kRead = 256 << 10;
constexpr size_t kWindow = 2 << 20;  // decompressed bytes at a time; fits the cache

uint64_t mixed(uint64_t a, uint64_t b) {
  auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

// Eight bytes a step; good enough to tell events apart, nothing that an attacker could not defeat.
uint64_t hashed(std::string_view text, uint64_t state) {
  size_t at = 0;
  uint64_t word = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::memcpy(&word, text.data() + at, 8);
    state = mixed(state ^ word, 0x9E3779B97F4A7C15ull);
  }
  word = 0;
  std::memcpy(&word, text.data() + at, text.size() - at);
  return mixed(state ^ word ^ (uint64_t{text.size()} << 56), 0xD6E8FEB86659FD93ull);
}

// Open addressing over 64-bit hashes; zero marks an empty place.
class HashSet {
 public:
  bool insert(uint64_t hash) {
    hash |= hash == 0;
    if (2 * ++size_ > places_.size()) grow();
    return put(hash);
  }

 private:
  bool put(uint64_t hash) {
    size_t mask = places_.size() - 1;
    for (size_t at = hash & mask;; at = (at + 1) & mask) {
      if (places_[at] == hash) return false;
      if (places_[at] == 0) return places_[at] = hash, true;
    }
  }
  void grow() {
    std::vector<uint64_t> before(places_.size() * 2);
    before.swap(places_);
    for (uint64_t hash : before)
      if (hash) put(hash);
  }
  std::vector<uint64_t> places_ = std::vector<uint64_t>(1 << 16);
  size_t size_ = 0;
};

int digits(const char* text, int count) {
  int value = 0;
  for (int at = 0; at < count; ++at) value = 10 * value + (text[at] - '0');
  return value;
}

// Hours since 1970 of YYYY-MM-DDTHH in UTC (days from civil, H. Hinnant).
int hour_of(std::string_view time) {
  int year = digits(time.data(), 4), month = digits(time.data() + 5, 2), day = digits(time.data() + 8, 2);
  year -= month <= 2;
  int era = year / 400, of_era = year - era * 400;
  int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  int days = era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
  return days * 24 + digits(time.data() + 11, 2);
}

struct Hash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return hashed(text, 1); }
};

struct Counter {
  std::unordered_map<std::string, uint64_t, Hash, std::equal_to<>> counts;
  HashSet seen;
  uint64_t lines = 0, counted = 0;

  void add(simdjson::ondemand::document& event) {
    ++lines;
    simdjson::ondemand::object root = event.get_object();
    std::string_view id = root["_id"];
    std::string_view time = root["timestamp"];
    std::string_view type = root["eventType"];
    int kind = type == "decisioning.propositionDisplay" ? 0 : type == "decisioning.propositionInteract" ? 1 : -1;
    if (kind < 0) return;
    int hour = hour_of(time);
    bool fresh = false;
    for (simdjson::ondemand::object proposition : root["_experience"]["decisioning"]["propositions"].get_array()) {
      std::string_view token, issued;
      simdjson::ondemand::object characteristics;
      if (!proposition["scopeDetails"]["characteristics"].get(characteristics)) {
        if (characteristics["issuedAt"].get(issued)) issued = {};
        if (characteristics["eventToken"].get(token)) token = {};
      }
      for (simdjson::ondemand::object item : proposition["items"].get_array()) {
        std::string_view offer = item["id"];
        uint64_t state = token.empty() ? hashed(id, hashed(time, 2)) : hashed(token, hashed(offer, 3 + kind));
        if (!seen.insert(state)) continue;
        fresh = true;
        char key[320];
        int shown = kind == 1 && issued.size() > 13 ? hour_of(issued) : hour;
        size_t length = std::min<size_t>(offer.size(), 300);
        std::memcpy(key, &shown, 4);
        key[4] = static_cast<char>(kind);
        std::memcpy(key + 5, offer.data(), length);
        std::string_view view(key, length + 5);
        if (auto found = counts.find(view); found != counts.end()) ++found->second;
        else counts.emplace(view, 1);
      }
    }
    counted += fresh;
  }
};

long peak_kilobytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind("VmHWM:", 0) == 0) return std::stol(line.substr(6));
  return 0;
}

}  // namespace

int main(int count, char** given) {
  if (count < 2) return 2;
  std::ifstream file(given[1], std::ios::binary);
  std::vector<char> read(kRead);
  std::vector<char> window(kWindow + simdjson::SIMDJSON_PADDING);
  inflate_state stream;
  isal_inflate_init(&stream);
  stream.crc_flag = ISAL_GZIP;
  simdjson::ondemand::parser parser;
  Counter counter;
  size_t held = 0;  // bytes of a line that is not whole yet
  bool more = true;
  while (more || stream.avail_in) {
    if (!stream.avail_in) {
      file.read(read.data(), kRead);
      stream.avail_in = static_cast<uint32_t>(file.gcount());
      stream.next_in = reinterpret_cast<uint8_t*>(read.data());
      more = stream.avail_in > 0;
    }
    if (stream.block_state == ISAL_BLOCK_FINISH && stream.avail_in) {
      isal_inflate_reset(&stream);  // another member
      stream.crc_flag = ISAL_GZIP;
    }
    stream.next_out = reinterpret_cast<uint8_t*>(window.data()) + held;
    stream.avail_out = static_cast<uint32_t>(kWindow - held);
    if (isal_inflate(&stream) != ISAL_DECOMP_OK) return 1;
    size_t filled = kWindow - stream.avail_out;
    char *line = window.data(), *end = line + filled;
    while (char* newline = static_cast<char*>(std::memchr(line, '\n', end - line))) {
      size_t length = newline - line;
      auto event = parser.iterate(line, length, length + simdjson::SIMDJSON_PADDING);
      if (!event.error()) counter.add(event.value_unsafe());
      line = newline + 1;
    }
    held = end - line;
    std::memmove(window.data(), line, held);
  }
  rusage used;
  getrusage(RUSAGE_SELF, &used);
  double seconds = used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
  std::printf("{\"lines\": %lu, \"counted\": %lu, \"keys\": %zu, \"seconds\": %.6f, \"peak_mb\": %.1f}\n", counter.lines,
              counter.counted, counter.counts.size(), seconds, peak_kilobytes() / 1024.0);
}
