// sallyport: the operator's command line. A gRPC client of sallyport-control and nothing else.
#include <signal.h>

#include <CLI/CLI.hpp>
#include <ctime>
#include <iostream>

#include "control/cli/completion.h"
#include "control/cli/operate_commands.h"
#include "control/cli/provision_commands.h"

namespace {

using namespace sallyport::cli;

constexpr const char* examples = R"(
Examples:
  sallyport apply -f trunks.yaml --dry-run      what would change
  sallyport apply -f trunks.yaml                change it, all or nothing
  sallyport get trunk acme-hq                   one trunk, as YAML
  sallyport registration list --trunk acme-hq   is that PBX registered, and from where
  sallyport call list --live --watch            calls as they come and go
  sallyport call show 4f2c9a                    ladder and record of one call
  sallyport status --json                       for programs

Exit codes: 0 done, 1 refused or failed, 2 wrong usage.)";

struct Settings {
    ConnectionOptions connection;
    bool json = false;
    bool watch = false;
    ListFilter filter;
    ApplyOptions apply;
    std::string kind, name;
};

using Command = void (*)(const Connection&, const Settings&);

void add_global_options(CLI::App& app, Settings& s) {
    app.set_version_flag("--version", SALLYPORT_VERSION);
    app.add_option("--server", s.connection.server, "sallyport-control, HOST:PORT (default 127.0.0.1:7443)")
        ->envname("SALLYPORT_SERVER");
    app.add_option("--server-name", s.connection.server_name, "name in the server's certificate, if not HOST")
        ->envname("SALLYPORT_SERVER_NAME");
    app.add_option("--ca", s.connection.ca, "certificate authority of the server (PEM)")->envname("SALLYPORT_CA");
    app.add_option("--cert", s.connection.cert, "your certificate (PEM)")->envname("SALLYPORT_CERT");
    app.add_option("--key", s.connection.key, "its private key (PEM)")->envname("SALLYPORT_KEY");
    app.add_option(
           "--config", s.connection.file,
           "YAML file with defaults of the above (default ~/.config/sallyport/cli.yaml, /etc/sallyport/cli.yaml)")
        ->envname("SALLYPORT_CONFIG");
    app.add_option("--timeout", s.connection.timeout_seconds, "seconds to wait for an answer")
        ->check(CLI::Range(1, 3600))
        ->capture_default_str();
    app.add_flag("--json", s.json, "JSON instead of tables");
}

class Commands {
public:
    Commands(CLI::App& app, Settings& settings) : app_(app), s_(settings) {
        app_.require_subcommand(1);
        app_.fallthrough();
        provisioning();
        operation();
    }
    Command chosen() const {
        for (const auto& [sub, command] : commands_)
            if (sub->parsed()) return command;
        return nullptr;
    }

private:
    CLI::App* add(CLI::App& parent, const char* name, const char* help, Command command) {
        CLI::App* sub = parent.add_subcommand(name, help);
        sub->fallthrough();
        if (command != nullptr) commands_.emplace_back(sub, command);
        return sub;
    }
    void provisioning() {
        auto* apply_command = add(app_, "apply", "create and change what a YAML file describes, all or nothing",
                                  [](const Connection& c, const Settings& s) { apply(c, s.apply, s.json); });
        apply_command->add_option("-f,--file", s_.apply.file, "the file; - for standard input")->required();
        apply_command->add_flag("--dry-run", s_.apply.dry_run, "show the difference, change nothing");
        apply_command->add_flag("--prune", s_.apply.prune, "delete what exists and is not in the file");
        auto* get_command = add(app_, "get", "show one resource", [](const Connection& c, const Settings& s) {
            get(c, kind_named(s.kind), s.name, s.json);
        });
        get_command->add_option("kind", s_.kind, "trunk, carrier or route")->required();
        get_command->add_option("name", s_.name, "its name, e.g. acme-hq")->required();
        auto* list_command = add(app_, "list", "list resources",
                                 [](const Connection& c, const Settings& s) { list(c, kind_named(s.kind), s.json); });
        list_command->add_option("kind", s_.kind, "trunks, carriers or routes")->required();
        auto* delete_command = add(app_, "delete", "delete one resource", [](const Connection& c, const Settings& s) {
            remove(c, kind_named(s.kind), s.name, s.json);
        });
        delete_command->add_option("kind", s_.kind, "trunk, carrier or route")->required();
        delete_command->add_option("name", s_.name, "its name, e.g. acme-hq")->required();
    }
    void operation() {
        watchable(add(app_, "status", "daemons, configuration, carriers and media ports at a glance",
                      [](const Connection& c, const Settings& s) { status(c, s.json); }));
        auto* registration = group("registration", "PBXs and how they registered");
        filtered(add(*registration, "list", "bindings: trunk, contact, source, time left",
                     [](const Connection& c, const Settings& s) { list_registrations(c, s.filter, s.json); }));
        auto* call = group("call", "calls, live and ended");
        auto* calls = add(*call, "list", "newest first",
                          [](const Connection& c, const Settings& s) { list_calls(c, s.filter, s.json); });
        filtered(calls);
        calls->add_flag("--live", s_.filter.live_only, "only calls that have not ended");
        auto* shown = add(*call, "show", "one call with its message ladder and its record",
                          [](const Connection& c, const Settings& s) { show_call(c, s.name, s.json); });
        shown->add_option("id", s_.name, "ID of `call list`, or the SIP Call-ID of either leg")->required();
        auto* media = group("media", "the media plane");
        auto* sessions = add(*media, "sessions", "media sessions with packets, loss and jitter of each leg",
                             [](const Connection& c, const Settings& s) { list_media_sessions(c, s.filter, s.json); });
        limited(sessions);
        watchable(sessions);
        auto* completion =
            add(app_, "completion", "print shell completion: source <(sallyport completion bash)", nullptr);
        auto* bash = completion->add_subcommand("bash", "for bash");
        bash->callback([this] {
            std::cout << bash_completion(app_);
            throw CLI::Success();
        });
        completion->require_subcommand(1);
    }
    CLI::App* group(const char* name, const char* help) {
        CLI::App* sub = add(app_, name, help, nullptr);
        sub->require_subcommand(1);
        return sub;
    }
    void limited(CLI::App* sub) {
        sub->add_option("--limit", s_.filter.limit, "rows at most; 0: all")
            ->check(CLI::Range(0, 1'000'000))
            ->capture_default_str();
    }
    void filtered(CLI::App* sub) {
        sub->add_option("--trunk", s_.filter.trunk, "only this trunk");
        limited(sub);
        watchable(sub);
    }
    void watchable(CLI::App* sub) { sub->add_flag("-w,--watch", s_.watch, "again every two seconds, until Ctrl-C"); }

    CLI::App& app_;
    Settings& s_;
    std::vector<std::pair<CLI::App*, Command>> commands_;
};

// Until interrupted. A control that is away for a while is waited for, with its sentence on the screen.
void watch(const Connection& connection, const Settings& settings, Command command) {
    sigset_t interrupts;
    sigemptyset(&interrupts);
    sigaddset(&interrupts, SIGINT);
    sigaddset(&interrupts, SIGTERM);
    sigprocmask(SIG_BLOCK, &interrupts, nullptr);
    const timespec interval{2, 0};
    do {
        if (!settings.json) std::cout << "\033[H\033[2J";
        try {
            command(connection, settings);
        } catch (const Failure& failure) {
            std::cout << failure.what() << '\n';
        }
        std::cout << std::flush;
    } while (sigtimedwait(&interrupts, nullptr, &interval) < 0);
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{
        "Operate a Sallyport node: provision trunks, carriers and routes; look at registrations, calls and media."};
    app.name("sallyport");
    app.footer(examples);
    Settings settings;
    add_global_options(app, settings);
    Commands commands(app, settings);
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& e) {  // --help, --version, completion
        return app.exit(e);
    } catch (const CLI::ParseError& e) {
        app.exit(e);
        return wrong_usage;
    }
    try {
        complete_from_file(settings.connection);
        const Connection connection(settings.connection);
        const Command command = commands.chosen();
        if (settings.watch)
            watch(connection, settings, command);
        else
            command(connection, settings);
        return done;
    } catch (const Failure& failure) {
        std::cerr << failure.what() << '\n';
        return failure.code();
    }
}
