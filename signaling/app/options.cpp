#include "signaling/app/options.h"

#include <CLI/CLI.hpp>

namespace sallyport::app {

ParsedOptions parse_options(int argc, char** argv) {
    ParsedOptions parsed;
    CLI::App cli{"Signaling plane of the Sallyport session border controller: SIP over UDP, TCP and TLS.",
                 "sallyport-signaling"};
    cli.add_option("-c,--config", parsed.options.config_file, "configuration file (YAML)")
        ->default_val("/etc/sallyport/signaling.yaml")
        ->type_name("FILE");
    cli.add_flag("--check-config", parsed.options.check_config, "read the configuration, say what is wrong, and exit");
    cli.set_version_flag("--version", "sallyport-signaling " SALLYPORT_VERSION);
    cli.footer(
        "Signals: SIGHUP reads certificates and keys anew, SIGTERM takes no new calls, and after\n"
        "drain_seconds hangs up those that are left; a second one does so at once.\n"
        "Exit code: 0 ended on request, 1 could not start, 2 wrong usage or configuration.");
    try {
        cli.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        const int code = cli.exit(error);
        parsed.exit_code = code == 0 ? 0 : 2;
    }
    return parsed;
}

}  // namespace sallyport::app
