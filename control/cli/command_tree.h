// The commands, their options and what each of them does, as CLI11 has them. Calls no daemon.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <iosfwd>
#include <string>

#include "control/cli/commands.h"

namespace sallyport::cli {

using Command = std::function<int(Session&)>;
// One that asks no daemon.
using LocalCommand = std::function<int(bool json, std::ostream& out)>;

// Everything the parser fills; the command that was chosen is in `command` afterwards.
class CommandTree {
public:
    CommandTree();

    CLI::App& app() { return app_; }
    const Connection& connection() const { return connection_; }
    bool json() const { return json_; }
    // Of a command that shows the present again and again by itself on a terminal, unless it is told not to.
    double watch_seconds(bool terminal) const {
        constexpr double by_itself = 2;
        return watch_ == 0 && refreshes_ && !once_ && !json_ && terminal ? by_itself : watch_;
    }
    const Command& command() const { return command_; }
    const LocalCommand& local_command() const { return local_command_; }
    bool wants_completion() const { return completion_; }

private:
    CLI::App* group(const std::string& name, const std::string& help);
    CLI::App* verb(CLI::App* parent, const std::string& name, const std::string& help, Command command);
    void watchable(CLI::App* verb);
    void add_apply();
    void add_resources();
    void add_status();
    void add_trunks();
    void add_customers();
    void add_explain();
    void add_drain();
    void add_drain_options(CLI::App* drain_verb);
    void add_registrations();
    void add_secrets();
    void add_calls();
    void add_media();
    void add_dns();
    void add_certificates();
    void add_records();
    void add_completion();

    CLI::App app_;
    Connection connection_;
    ApplyArguments apply_;
    DnsArguments dns_;
    CertificateArguments certificate_;
    Command command_;
    LocalCommand local_command_;
    DrainArguments drain_;
    TopArguments top_;
    CaptureArguments capture_;
    ExplainArguments explain_;
    std::string name_, etag_, trunk_, consumer_, username_, source_, pbx_, at_;
    double watch_ = 0;
    int limit_ = 50, max_ = 1'000;
    bool json_ = false, dry_run_ = false, live_ = false, acknowledge_ = false, completion_ = false, all_ = false,
         lost_ = false, once_ = false, refreshes_ = false;
};

}  // namespace sallyport::cli
