"""The map of docs/architecture.md, as rules: which folder may import which, what is
pure, and how large and how named things are."""

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "pexschedd"

MAY_IMPORT: dict[str, str] = {
    # folder                what it may import of ours, besides errors and clock
    "crypto": "",
    "util": "",
    "net": "crypto util",
    "model": "crypto",
    "bodies": "model",
    "templates": "util/text_pattern",
    "store": "model crypto util",
    "history": "model store logs util",
    "deployment": "net util",
    "observation": "util",
    "observation/tracing": "scheduling/ports model net util",
    "scheduling": "scheduling history model bodies templates crypto store util",
    "scheduling/migration": "scheduling history model store util",
    "scheduling/ports": "model",
    "scheduling/recurrence": "model",
    "scheduling/decisions": "scheduling/ports scheduling/recurrence model bodies",
    "scheduling/records": (
        "scheduling/decisions scheduling/ports scheduling/recurrence model bodies "
        "templates store util"
    ),
    "exchange": "scheduling/ports scheduling/recurrence model net util",
    "ews": "exchange scheduling/ports scheduling/recurrence model bodies net util",
    "ews/auth": "ews exchange net util",
    "ews/transport": "ews/auth exchange ews/error_messages model/fields net util",
    "ews/rooms": (
        "ews exchange onetouch/ports onetouch/invitation/invitation scheduling/ports "
        "model util"
    ),
    "ews/autodiscover": "ews exchange onetouch/ports model net util",
    "ews/operations": (
        "ews exchange scheduling/ports scheduling/recurrence model bodies"
    ),
    "graph": "exchange scheduling/ports scheduling/recurrence model bodies net util",
    "graph/entities": "exchange scheduling/ports scheduling/recurrence model bodies",
    "graph/notifications": "graph exchange scheduling/ports model util",
    "graph/organizers": "graph exchange scheduling/ports model util",
    "graph/rooms": (
        "graph exchange onetouch/ports onetouch/invitation/invitation model util"
    ),
    "graph/reading": "graph exchange scheduling/ports model util",
    "graph/answering": "graph exchange scheduling/ports model util/powershell",
    "identity": "history model net crypto store util",
    "personal": (
        "bodies model templates scheduling/records/lookup "
        "scheduling/records/message_texts store util"
    ),
    "onetouch": "model templates bodies store util/powershell util/text_pattern",
    "onetouch/calendars": (
        "onetouch model scheduling/alarms store util identity/oauth/signed_in"
    ),
    "onetouch/pushing": "onetouch model net scheduling/alarms store util",
    "onetouch/cisco": "onetouch model net scheduling/alarms store util",
    "onetouch/webex": (
        "history identity/oauth onetouch model net scheduling/alarms store util"
    ),
    "onetouch/emulation": "onetouch model exchange/windows_zones",
    "management": "history model onetouch store scheduling/records crypto util logs",
    "doctor": "ews exchange graph identity model net crypto scheduling/alarms util",
    "doctor/rooms": (
        "doctor model net onetouch identity/oauth/service_accounts util/powershell"
    ),
    "doctor/trial": "doctor exchange graph model util",
    "doctor/setup": "doctor identity/personal/provider_kinds model util/powershell",
    "web": (
        "management scheduling history identity onetouch personal doctor model crypto "
        "net/proxies_only util logs metrics store/store store/transaction"
    ),
    "web/webhooks": "web identity/exchange_token util/token_bucket",
    "control": (
        "scheduling doctor management model store util config config_keys "
        "config_outline"
    ),
    "supervision": (
        "config logs model net observation/tracing scheduling/alarms store util"
    ),
    "tools": (
        "control doctor identity model observation onetouch scheduling store "
        "templates crypto/passphrase util config config_outline config_reader tap"
    ),
    "composition": (
        "config metrics logs log_writer control crypto deployment doctor ews exchange "
        "graph history "
        "identity management model net observation onetouch personal scheduling store "
        "supervision "
        "templates util web"
    ),
    "sandbox": "",
    "demo": (
        "sandbox config util logs tap store/store model web/json_body web/page_files "
        "web/routes web/site"
    ),
}
"""A folder without a line of its own goes by the one above it. Modules directly in the
package, such as `errors`, `config` or `tap`, have no line: `tap` joins everything."""

OF_THE_PACKAGE = ("pexschedd", "pexschedd.__version__")

EVERYBODY = ("errors", "clock")

PURE = (
    "bodies",
    "doctor/diagnose",
    "doctor/setup",
    "ews/operations",
    "graph/entities",
    "model",
    "onetouch/invitation",
    "onetouch/links",
    "onetouch/ports",
    "onetouch/rules",
    "onetouch/screen",
    "onetouch/services",
    "scheduling/decisions",
    "scheduling/ports",
    "scheduling/recurrence",
    "templates",
)
"""Folders of pure modules. A module elsewhere whose docstring says "Pure." is held to
the same."""

ELSEWHERE = "elsewhere"

IMPURE = {
    "OpenSSL", "klein", "os", "secrets", "socket", "subprocess", "threading", "treq",
    "twisted",
}  # fmt: skip
"""What neither a pure module nor anything of ours that it imports may import."""

HARMLESS = ("twisted.logger",)
"""A `Logger` only hands events on; the daemon chooses what is done with them."""

ONLY_IN: dict[str, str] = {
    # module                 the only places that may import it
    "threading": (
        "ews/auth/kerberos_folder.py log_writer.py store/journal/journal.py "
        "store/fs.py util/descriptors.py"
    ),
    "pexschedd.tap": "tools/command.py demo",
    "pexschedd.sandbox": "sandbox demo",
    "pexschedd.demo": "demo",
    "pexschedd.composition": "composition daemon_options.py tap.py",
    "klein": "web sandbox demo",
    "jinja2": "templates web/page_templates.py demo",
    "secrets": (
        "composition/runtime.py composition/clients.py crypto/password_hashes.py "
        "ews/transport/transport.py graph/transport.py identity/administrators.py "
        "identity/first_administrator.py identity/api_tokens.py store/folder.py "
        "store/secrets.py store/store.py util/atomic_file.py web/refusals.py sandbox "
        "demo"
    ),
}
"""Randomness is passed in, except where keys and secrets are made."""

MOST_LINES = 400
MOST_MODULES = 20


class Definition(NamedTuple):
    name: str
    """With the classes that it is in."""
    is_class: bool
    docstring: str | None


class Source(NamedTuple):
    """A file, as far as the rules ask of it. Its syntax tree is not kept: those
    of all files are a million nodes for the garbage collector to look at."""

    imported: set[str]
    """The modules that it imports, inner and type-only imports included."""
    texts: list[tuple[int, str]]
    """Lines and strings that stand alone: docstrings, those of fields too."""
    functions: list[tuple[int, str]]
    """Lines and docstrings of functions, private ones too."""
    public: list[Definition]


@cache
def source_of(path: Path) -> Source:
    tree = ast.parse(path.read_text())
    source = Source(set(), [], [], list(public_definitions(tree.body)))
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=aliases):
                source.imported.update(alias.name for alias in aliases)
            case ast.ImportFrom(module=module, names=aliases, level=level):
                assert level == 0, f"{path}: imports are absolute"
                for alias in aliases:
                    full = f"{module}.{alias.name}"
                    found = {full} if file_of(full) else {str(module), full}
                    source.imported.update(found)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                source.functions.append((node.lineno, ast.get_docstring(node) or ""))
            case ast.Expr(value=ast.Constant(value=str(text))):
                source.texts.append((node.lineno, text))
    return source


def public_definitions(body: list[ast.stmt], prefix: str = "") -> Iterator[Definition]:
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if node.name.startswith("_"):
                continue
            is_class = isinstance(node, ast.ClassDef)
            yield Definition(prefix + node.name, is_class, ast.get_docstring(node))
            if isinstance(node, ast.ClassDef):
                yield from public_definitions(node.body, f"{node.name}.")


@cache
def places(folder: str = "") -> list[Path]:
    return sorted((PACKAGE / folder).rglob("*.py"))


def place_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def is_product(path: Path) -> bool:
    return path.relative_to(PACKAGE).parts[0] not in ("sandbox", "demo")


@cache
def file_of(module: str) -> Path | None:
    """The file of one of our modules."""
    base = ROOT / module.replace(".", "/")
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if module.split(".")[0] == "pexschedd" and path.is_file():
            return path
    return None


def within(name: str, module: str) -> bool:
    return name == module or name.startswith(module + ".")


def is_in(place: str, folders: str) -> bool:
    return any(
        place == each or place.startswith(each.removesuffix(".py") + "/")
        for each in folders.split()
    )


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_imports_point_down_and_inwards(folder: str) -> None:
    """No module imports a folder of ours that its own folder may not know."""
    inner = [other for other in MAY_IMPORT if other.startswith(folder + "/")]
    allowed = [*MAY_IMPORT[folder].split(), *EVERYBODY, folder]
    wrong = []
    for path in places(folder):
        place = place_of(path)
        if any(is_in(place, other) for other in inner):
            continue
        for name in sorted(source_of(path).imported):
            if not within(name, "pexschedd") or name in OF_THE_PACKAGE:
                continue
            target = name.removeprefix("pexschedd.").replace(".", "/")
            if not any(
                within(target.replace("/", "."), a.replace("/", ".")) for a in allowed
            ):
                wrong.append(f"{place} imports {name}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("module", ONLY_IN)
def test_some_modules_are_for_few(module: str) -> None:
    """What only some places may know is imported by no other."""
    wrong = [
        place_of(path)
        for path in places()
        if any(within(name, module) for name in source_of(path).imported)
        and not is_in(place_of(path), ONLY_IN[module])
    ]
    assert not wrong, wrong


def is_harmless(name: str) -> bool:
    return any(within(name, each) for each in HARMLESS)


def says_pure(path: Path) -> bool:
    if "pure" not in path.read_text().lower():  # most of them need not be parsed
        return False
    first = (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n\n")[0]
    return re.search(r"\bpure[.,:;]", first, re.IGNORECASE) is not None


def pure_modules(folder: str) -> list[Path]:
    if folder != ELSEWHERE:
        return [path for path in places() if is_in(place_of(path), folder)]
    others = (path for path in places() if not is_in(place_of(path), " ".join(PURE)))
    return [path for path in others if is_product(path) and says_pure(path)]


def impure_imports(path: Path) -> list[str]:
    """Imports of a file, and of what it imports of ours, that touch the outside."""
    seen, waiting, wrong = {path}, [path], []
    while waiting:
        at = waiting.pop()
        for name in source_of(at).imported:
            ours = file_of(name)
            if ours is not None and ours not in seen:
                seen.add(ours)
                waiting.append(ours)
            if name.split(".")[0] in IMPURE and not is_harmless(name):
                wrong.append(f"{place_of(at)} imports {name}")
    return wrong


@pytest.mark.parametrize("folder", [*PURE, ELSEWHERE])
def test_what_is_pure_stays_pure(folder: str) -> None:
    """Neither a pure module nor what it imports of ours touches the outside."""
    modules = pure_modules(folder)
    assert modules
    wrong = {place_of(path): impure_imports(path) for path in modules}
    assert not any(wrong.values()), {name: why for name, why in wrong.items() if why}


def circles(graph: dict[Path, set[Path]]) -> Iterator[list[Path]]:
    """Groups of files that import each other in a circle (Tarjan's components)."""
    index: dict[Path, int] = {}
    low: dict[Path, int] = {}
    stack: list[Path] = []

    def visit(node: Path) -> Iterator[list[Path]]:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(graph[node]):
            if other not in index:
                yield from visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            found = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(found) > 1:
                yield found

    for node in sorted(graph):
        if node not in index:
            yield from visit(node)


def test_no_imports_go_in_circles() -> None:
    """No two modules need each other, not even for their types."""
    graph = {
        path: {ours for name in source_of(path).imported if (ours := file_of(name))}
        - {path}
        for path in places()
    }
    found = [", ".join(map(place_of, circle)) for circle in circles(graph)]
    assert not found, "\n".join(found)


def test_circles_are_seen() -> None:
    """The search finds a circle, and nothing where there is none."""
    a, b, c = Path("a"), Path("b"), Path("c")
    assert [set(x) for x in circles({a: {b}, b: {a}, c: {a}})] == [{a, b}]
    assert not list(circles({a: {b}, b: {c}, c: set()}))


def test_a_class_name_stands_once() -> None:
    """No two public classes have the same name."""
    names: defaultdict[str, list[str]] = defaultdict(list)
    for path in places():
        for name, is_class, _ in source_of(path).public:
            if is_class and "." not in name:
                names[name].append(place_of(path))
    twice = {name: found for name, found in names.items() if len(found) > 1}
    assert not twice, twice


def test_files_and_folders_are_small() -> None:
    """A file of the product has one subject, and a folder can be looked over."""
    product = [path for path in places() if is_product(path)]
    long = {
        place_of(path): lines
        for path in product
        if (lines := len(path.read_text().splitlines())) > MOST_LINES
    }
    assert not long, long
    full = Counter(path.parent.relative_to(PACKAGE).as_posix() for path in product)
    full = Counter({folder: n for folder, n in full.items() if n > MOST_MODULES})
    assert not full, full


NO_SUBJECT = re.compile(
    r"(Who|What|Whether|How|Those|Whoever|Nobody|Somebody|When|Where|Why|Which)\b"
)


def test_what_is_public_is_explained() -> None:
    """Each public class and function has a docstring."""
    wrong = [
        f"{place_of(path)}: {name} has no docstring"
        for path in places()
        for name, _, docstring in source_of(path).public
        if not docstring
    ]
    assert not wrong, "\n".join(wrong)


def test_docstrings_begin_with_their_subject() -> None:
    """All of them: of modules, of private functions, and of fields."""
    wrong = [
        f"{place_of(path)}:{line}: {text.splitlines()[0]}"
        for path in places()
        for line, text in source_of(path).texts
        if NO_SUBJECT.match(text)
    ]
    assert not wrong, "\n".join(wrong)


THIRD_PERSON = re.compile(
    r"(Adds|Asks|Begins|Brings|Builds|Checks|Closes|Compares|Counts|"
    r"Creates|Decides|Deletes|Does|Drops|Ends|Finds|Fires|Gives|Has|Keeps|Logs|Looks|"
    r"Makes|Opens|Parses|Puts|Raises|Reads|Removes|Reports|Returns|Runs|Says|Sends|"
    r"Sets|Starts|Stops|Takes|Tells|Tries|Updates|Waits|Writes|Yields)\b"
)


def test_functions_are_explained_in_one_voice() -> None:
    """Their docstrings begin with an imperative or a noun, not in the third person."""
    wrong = [
        f"{place_of(path)}:{line}: {text.splitlines()[0]}"
        for path in places()
        if is_product(path)
        for line, text in source_of(path).functions
        if THIRD_PERSON.match(text)
    ]
    assert not wrong, "\n".join(wrong)


def test_the_rules_bite() -> None:
    """The reader of imports sees plain, aliased and inner ones."""
    seen = source_of(PACKAGE / "tap.py").imported
    assert {"gc", "twisted.internet.reactor", "pexschedd.store.store"} <= seen


def test_every_package_is_installed() -> None:
    """setup.cfg names the packages by hand: none may be forgotten, and nothing of the
    demo is among them."""
    listed = (ROOT / "setup.cfg").read_text().split("packages =")[1].split("\n\n")[0]
    names = set(listed.split())
    for folder in PACKAGE.rglob("__init__.py"):
        name = ".".join(folder.parent.relative_to(ROOT).parts)
        of_the_demo = name.split(".")[1:2] in (["demo"], ["sandbox"])
        assert (name in names) is not of_the_demo, name
    assert not (ROOT / "twisted" / "plugins" / "__init__.py").exists()
