#include "cache/file_tier.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace zonesweep::cache {
namespace {

constexpr int kApplicationId = 0x5a537763;  // "ZSwc"
constexpr int kSchemaVersion = 1;
constexpr int kAsideNames = 1'000;
constexpr int kRunsShown = 20;
constexpr size_t kNameBytes = 1'024;
constexpr size_t kValueBytes = 1 << 16;

constexpr const char* kSchema =
    "CREATE TABLE entries("
    "id INTEGER PRIMARY KEY, protocol INTEGER NOT NULL, type INTEGER NOT NULL, options INTEGER NOT "
    "NULL,"
    "name TEXT NOT NULL, stored INTEGER NOT NULL, expires INTEGER NOT NULL, value BLOB NOT NULL,"
    "checksum INTEGER NOT NULL) STRICT;"
    "CREATE TABLE runs("
    "id INTEGER PRIMARY KEY, started INTEGER NOT NULL, finished INTEGER NOT NULL, rows INTEGER NOT "
    "NULL,"
    "hits INTEGER NOT NULL, misses INTEGER NOT NULL, loaded INTEGER NOT NULL, written INTEGER NOT "
    "NULL"
    ") STRICT;";

// XXH3-64 over all that the row says, numbers in little endian.
int64_t checksum_of(const Stored& entry) {
  std::array<uint64_t, 6> head{entry.protocol,
                               entry.type,
                               entry.options,
                               static_cast<uint64_t>(entry.stored_s),
                               static_cast<uint64_t>(entry.expires_s),
                               entry.name.size()};
  uint64_t hash = XXH3_64bits(head.data(), sizeof(head));
  hash = XXH3_64bits_withSeed(entry.name.data(), entry.name.size(), hash);
  return static_cast<int64_t>(XXH3_64bits_withSeed(entry.value.data(), entry.value.size(), hash));
}

class Statement {
 public:
  Statement(sqlite3* database, const char* sql) {
    ok_ = sqlite3_prepare_v2(database, sql, -1, &statement_, nullptr) == SQLITE_OK;
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool row() { return ok_ && (last_ = sqlite3_step(statement_)) == SQLITE_ROW; }
  [[nodiscard]] bool done() { return ok_ && (last_ = sqlite3_step(statement_)) == SQLITE_DONE; }
  [[nodiscard]] bool ended() const {
    return ok_ && last_ == SQLITE_DONE;
  }  // after row() said false
  void reset() { sqlite3_reset(statement_); }

  void bind(int at, int64_t value) { sqlite3_bind_int64(statement_, at, value); }
  void bind(int at, std::string_view text) {
    sqlite3_bind_text64(statement_, at, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
  }
  void bind(int at, std::span<const std::byte> bytes) {
    sqlite3_bind_blob64(statement_, at, bytes.empty() ? "" : static_cast<const void*>(bytes.data()),
                        bytes.size(), SQLITE_STATIC);
  }
  [[nodiscard]] int64_t number(int column) { return sqlite3_column_int64(statement_, column); }
  [[nodiscard]] std::string_view text(int column) {
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    return {text == nullptr ? "" : text,
            static_cast<size_t>(sqlite3_column_bytes(statement_, column))};
  }
  [[nodiscard]] std::span<const std::byte> bytes(int column) {
    const auto* from = static_cast<const std::byte*>(sqlite3_column_blob(statement_, column));
    return {from, static_cast<size_t>(sqlite3_column_bytes(statement_, column))};
  }

 private:
  sqlite3_stmt* statement_ = nullptr;
  bool ok_ = false;
  int last_ = SQLITE_OK;
};

bool run(sqlite3* database, const char* sql) {
  return sqlite3_exec(database, sql, nullptr, nullptr, nullptr) == SQLITE_OK;
}

std::expected<int64_t, int> pragma(sqlite3* database, const char* sql) {
  Statement statement(database, sql);
  if (statement.row()) return statement.number(0);
  return std::unexpected(sqlite3_extended_errcode(database) & 0xff);
}

bool exists(const std::string& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0;
}

bool is_plain_file(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

// SQLite would let anybody read it, and gives the files beside it the same rights.
void create_for_us(const std::string& path) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
  if (fd >= 0) close(fd);
}

// Renames the file and what SQLite keeps beside it. The new name, or "" if that fails.
std::string set_aside(const std::string& path) {
  for (int number = 1; number < kAsideNames; ++number) {
    const std::string aside = path + ".aside-" + std::to_string(number);
    if (exists(aside)) continue;
    if (std::rename(path.c_str(), aside.c_str()) != 0) return "";
    for (const char* tail : {"-wal", "-shm", "-journal"})
      if (exists(path + tail)) std::rename((path + tail).c_str(), (aside + tail).c_str());
    return aside;
  }
  return "";
}

Stored entry_of(Statement& row) {  // columns 1 to 7
  return {.protocol = static_cast<uint8_t>(row.number(1)),
          .type = static_cast<uint16_t>(row.number(2)),
          .options = static_cast<uint32_t>(row.number(3)),
          .name = row.text(4),
          .stored_s = row.number(5),
          .expires_s = row.number(6),
          .value = row.bytes(7)};
}

bool is_sound(const Stored& entry, Statement& row) {
  return entry.name.size() <= kNameBytes && entry.value.size() <= kValueBytes &&
         row.number(8) == checksum_of(entry);
}

constexpr const char* kSelect =
    "SELECT id,protocol,type,options,name,stored,expires,value,checksum FROM entries ORDER BY id";

}  // namespace

struct FileTier::Database {
  sqlite3* handle = nullptr;
  std::unique_ptr<Statement> insert;

  ~Database() {
    insert.reset();
    sqlite3_close(handle);
  }
};

namespace {

enum class Found : uint8_t { ours, fresh, foreign, locked, unusable };

Found found_by(int code) {
  switch (code) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return Found::locked;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT: return Found::foreign;
    default: return Found::unusable;
  }
}

// Takes the lock and looks whose file this is.
Found look(sqlite3* database) {
  run(database, "PRAGMA locking_mode=EXCLUSIVE");
  const auto objects = pragma(database, "SELECT count(*) FROM sqlite_master");
  if (!objects) return found_by(objects.error());
  if (!run(database, "PRAGMA journal_mode=WAL") || !run(database, "PRAGMA synchronous=NORMAL"))
    return found_by(sqlite3_extended_errcode(database) & 0xff);
  if (!run(database, "BEGIN IMMEDIATE") || !run(database, "COMMIT"))
    return found_by(sqlite3_extended_errcode(database) & 0xff);
  const auto application = pragma(database, "PRAGMA application_id");
  const auto version = pragma(database, "PRAGMA user_version");
  if (!application || !version) return Found::foreign;
  if (*objects == 0 && *application == 0) return Found::fresh;
  if (*application != kApplicationId || *version != kSchemaVersion) return Found::foreign;
  // Quick: structure of pages, without the order of indexes, of which there are none.
  Statement check(database, "PRAGMA quick_check(1)");
  return check.row() && check.text(0) == "ok" ? Found::ours : Found::foreign;
}

bool create_schema(sqlite3* database) {
  const std::string marks = "PRAGMA application_id=" + std::to_string(kApplicationId) +
                            ";PRAGMA user_version=" + std::to_string(kSchemaVersion);
  return run(database, "BEGIN IMMEDIATE") && run(database, kSchema) &&
         run(database, marks.c_str()) && run(database, "COMMIT");
}

}  // namespace

FileTier::FileTier(std::unique_ptr<Database> database) : database_(std::move(database)) {}
FileTier::~FileTier() = default;

std::expected<std::unique_ptr<FileTier>, FileProblem> FileTier::open(const std::string& path,
                                                                     Missing missing,
                                                                     std::string* set_aside_as) {
  using Kind = FileProblem::Kind;
  const auto unusable = [&](std::string why) {
    return std::unexpected(FileProblem{Kind::unusable, path + ": " + std::move(why)});
  };
  if (exists(path) && !is_plain_file(path)) return unusable("not a file");
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (missing == Missing::fail && !exists(path)) return unusable("there is no such file");
    if (missing == Missing::create) create_for_us(path);
    auto database = std::make_unique<Database>();
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
                      (missing == Missing::create ? SQLITE_OPEN_CREATE : 0);
    if (sqlite3_open_v2(path.c_str(), &database->handle, flags, nullptr) != SQLITE_OK)
      return unusable(sqlite3_errmsg(database->handle));
    sqlite3_extended_result_codes(database->handle, 1);
    Found found = look(database->handle);
    if (found == Found::fresh && !create_schema(database->handle)) found = Found::unusable;
    const std::string why = sqlite3_errmsg(database->handle);
    if (found == Found::ours || found == Found::fresh) {
      database->insert = std::make_unique<Statement>(
          database->handle,
          "INSERT INTO entries(protocol,type,options,name,stored,expires,value,checksum) "
          "VALUES(?,?,?,?,?,?,?,?)");
      if (!database->insert->ok()) return unusable(sqlite3_errmsg(database->handle));
      return std::unique_ptr<FileTier>(new FileTier(std::move(database)));
    }
    database.reset();
    if (found == Found::locked)
      return std::unexpected(FileProblem{Kind::locked, path + ": another process uses it"});
    if (found == Found::unusable) return unusable(why);
    if (missing == Missing::fail)
      return std::unexpected(
          FileProblem{Kind::set_aside, path + ": not a cache file of this version"});
    const std::string aside = set_aside(path);
    if (aside.empty())
      return unusable("not a cache file of this version, and it cannot be renamed");
    if (set_aside_as != nullptr) *set_aside_as = aside;
  }
  return unusable("not a cache file of this version");
}

bool FileTier::fail(std::string_view doing) {
  problem_ = std::string(doing) + ": " + sqlite3_errmsg(database_->handle);
  if (sqlite3_get_autocommit(database_->handle) == 0) run(database_->handle, "ROLLBACK");
  return false;
}

bool FileTier::load(int64_t now_s, const std::function<bool(const Stored&)>& take) {
  Statement rows(database_->handle, kSelect);
  rows_ = 0;
  while (rows.row()) {
    const Stored entry = entry_of(rows);
    rows_++;
    if (entry.expires_s <= now_s || !is_sound(entry, rows)) continue;
    if (!take(entry)) return true;
  }
  return rows.ended() || fail("read");
}

bool FileTier::begin() { return run(database_->handle, "BEGIN IMMEDIATE") || fail("begin"); }

bool FileTier::append(const Stored& entry) {
  Statement& insert = *database_->insert;
  insert.bind(1, static_cast<int64_t>(entry.protocol));
  insert.bind(2, static_cast<int64_t>(entry.type));
  insert.bind(3, static_cast<int64_t>(entry.options));
  insert.bind(4, entry.name);
  insert.bind(5, entry.stored_s);
  insert.bind(6, entry.expires_s);
  insert.bind(7, entry.value);
  insert.bind(8, checksum_of(entry));
  const bool written = insert.done();
  insert.reset();
  rows_ += written;
  return written || fail("write");
}

bool FileTier::commit() { return run(database_->handle, "COMMIT") || fail("commit"); }

bool FileTier::add_run(const RunHistory& history) {
  Statement insert(database_->handle,
                   "INSERT INTO runs(started,finished,rows,hits,misses,loaded,written) "
                   "VALUES(?,?,?,?,?,?,?)");
  if (!insert.ok()) return fail("write");
  insert.bind(1, history.started_s);
  insert.bind(2, history.finished_s);
  int at = 3;
  for (const uint64_t n :
       {history.rows, history.hits, history.misses, history.loaded, history.written})
    insert.bind(at++, static_cast<int64_t>(n));
  return insert.done() || fail("write");
}

bool FileTier::tidy(int64_t now_s) {
  Statement remove(database_->handle,
                   "DELETE FROM entries WHERE expires <= ? OR id NOT IN "
                   "(SELECT max(id) FROM entries GROUP BY name,type,protocol,options)");
  if (remove.ok()) remove.bind(1, now_s);
  if (!remove.done() || !run(database_->handle, "VACUUM")) return fail("tidy");
  rows_ -= static_cast<uint64_t>(sqlite3_changes64(database_->handle));
  return true;
}

std::expected<FileStatistics, std::string> FileTier::statistics(int64_t now_s) {
  sqlite3* const handle = database_->handle;
  FileStatistics all;
  for (const int64_t bound : {60, 300, 3'600, 21'600, 86'400}) all.ttl_left.emplace_back(bound, 0);
  Statement rows(
      handle,
      "SELECT e.id,e.protocol,e.type,e.options,e.name,e.stored,e.expires,e.value,e.checksum,"
      "e.id IN (SELECT max(id) FROM entries GROUP BY "
      "name,type,protocol,options) FROM entries e");
  while (rows.row()) {
    const Stored entry = entry_of(rows);
    all.entries++;
    if (!is_sound(entry, rows)) {
      all.damaged++;
      continue;
    }
    if (entry.expires_s <= now_s || rows.number(9) == 0) continue;
    all.live++;
    if (all.oldest_s == 0 || entry.stored_s < all.oldest_s) all.oldest_s = entry.stored_s;
    for (auto& [bound, count] : all.ttl_left) {
      if (entry.expires_s - now_s > bound && bound != all.ttl_left.back().first) continue;
      count++;
      break;
    }
  }
  if (!rows.ended()) return std::unexpected(std::string(sqlite3_errmsg(handle)));
  all.bytes = static_cast<uint64_t>(pragma(handle, "PRAGMA page_count").value_or(0) *
                                    pragma(handle, "PRAGMA page_size").value_or(0));
  Statement runs(
      handle, "SELECT started,finished,rows,hits,misses,loaded,written FROM runs ORDER BY id DESC");
  while (all.runs.size() < kRunsShown && runs.row()) {
    const auto n = [&](int column) { return static_cast<uint64_t>(runs.number(column)); };
    all.runs.push_back({runs.number(0), runs.number(1), n(2), n(3), n(4), n(5), n(6)});
  }
  return all;
}

std::expected<uint64_t, std::string> FileTier::clear(std::string_view suffix, int64_t before_s) {
  sqlite3* const handle = database_->handle;
  Statement remove(handle,
                   "DELETE FROM entries WHERE stored < ?1 AND (?2 = '' OR name = ?2 OR "
                   "substr(name, -length(?2) - 1) IN ('.' || ?2, ' ' || ?2))");
  if (remove.ok()) {
    remove.bind(1, before_s);
    remove.bind(2, suffix);
  }
  if (!remove.done()) return std::unexpected(std::string(sqlite3_errmsg(handle)));
  const auto removed = static_cast<uint64_t>(sqlite3_changes64(handle));
  run(handle, "VACUUM");
  return removed;
}

}  // namespace zonesweep::cache
