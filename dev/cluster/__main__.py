"""A Kubernetes cluster to develop Cronwright on, with its images and its chart: `python3 dev/cluster --help`.

Needs nothing but Python 3.11. Only parses the command line; each command is a few calls into the modules beside it.
"""

import argparse
import os
import shlex
import sys

import choose
import images
import install
import node_image
import programs
from cluster import COMPONENTS, component
from progress import Failure

DESCRIPTION = """\
A Kubernetes cluster to develop Cronwright on. Every command can be repeated: it does what is missing, and says so.

CLUSTER chooses the kind of cluster; without it, what was started before, else what this machine can do:
  kind      by kind, in a container engine that can pull images
  local     a one-node Kubernetes built here, for root on Debian where nothing can be pulled
  current   a cluster of yours: the context CRONWRIGHT_CONTEXT of your KUBECONFIG
"""

EPILOG = """\
other settings:
  CRONWRIGHT_CACHE       where all of it is kept (default ~/.cache/cronwright)
  CRONWRIGHT_CLUSTER     name of the cluster, for several beside each other (default local)
  CRONWRIGHT_BASE_IMAGE  what images are built on (default: python's, else a Debian made here)
  CRONWRIGHT_NODE_IMAGE  node image for kind, such as the one that node-image builds
  CRONWRIGHT_WORKERS     kind's worker nodes beside the control plane (default 0)
"""


def up(_: argparse.Namespace) -> None:
    cluster = choose.cluster()
    cluster.up()
    choose.remember(cluster)


def build_images(arguments: argparse.Namespace) -> None:
    wanted = images.references(images.base_image()) if arguments.print else images.ensure(choose.cluster())
    for program, reference in wanted.items():
        print(f"{program}={reference}")


def install_chart(arguments: argparse.Namespace) -> None:
    cluster = choose.cluster()
    install.ensure_developer(cluster.access())
    install.ensure(cluster, images.ensure(cluster), arguments.helm)


def environment(_: argparse.Namespace) -> None:
    access = choose.cluster().access()
    path = f"{programs.bin_folder()}{os.pathsep}"
    current = os.environ.get("PATH", "")
    variables = {
        "KUBECONFIG": access.kubeconfig,
        "CRONWRIGHT_CONTEXT": access.context,
        "CRONWRIGHT_URL": access.url,
        "CRONWRIGHT_TOKEN": install.developer_token(access),
        "PATH": current if current.startswith(path) else path + current,
    }
    for name, value in variables.items():
        print(f"export {name}={shlex.quote(value)}")


def restart(arguments: argparse.Namespace) -> None:
    choose.cluster().restart(component(arguments.component))


def down(arguments: argparse.Namespace) -> None:
    choose.cluster().down(arguments.purge)
    if not choose.others_run():
        images.end_engine()  # all clusters share it
    if arguments.purge:
        choose.forget()


def build_node_image(_: argparse.Namespace) -> None:
    print(node_image.ensure())


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="python3 dev/cluster",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)

    command = commands.add_parser("up", help="see to it that the cluster is there and its node Ready")
    command.set_defaults(run=up)

    command = commands.add_parser("images", help="build the images that changed, load them, print their names")
    command.add_argument("--print", action="store_true", help="only print the names; build and load nothing")
    command.set_defaults(run=build_images)

    command = commands.add_parser("install", help="install or upgrade Cronwright's chart, with the images")
    command.add_argument("helm", nargs="*", metavar="-- HELM_ARGUMENT", help="passed on to helm upgrade --install")
    command.set_defaults(run=install_chart)

    command = commands.add_parser("env", help='print exports for a shell: eval "$(python3 dev/cluster env)"')
    command.set_defaults(run=environment)

    command = commands.add_parser("restart", help="restart a part of the control plane, as an outage would")
    command.add_argument("component", help=f"one of {', '.join(COMPONENTS)}")
    command.set_defaults(run=restart)

    command = commands.add_parser("down", help="end everything that was started")
    command.add_argument("--purge", action="store_true", help="also delete the cluster's state; programs stay cached")
    command.set_defaults(run=down)

    command = commands.add_parser("node-image", help="build a node image for kind where none can be pulled")
    command.set_defaults(run=build_node_image)
    return top


def main() -> int:
    arguments = parser().parse_args()
    try:
        arguments.run(arguments)
    except Failure as failure:
        print(f"dev/cluster: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndev/cluster: interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
