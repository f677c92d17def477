"""How a package of Neurenix, or an extra of one, is installed: for error messages.

Never by its bare name: until Neurenix is published, a registry's packages of such names
are other people's.
"""


def how_to_install(package: str, extra: str = "") -> str:
    """The command, and where it is given.

    >>> how_to_install("neurenix-core", "io")
    'pip install "./neurenix-core[io]" in a clone of Neurenix'
    """
    path = f'"./{package}[{extra}]"' if extra else f"./{package}"
    return f"pip install {path} in a clone of Neurenix"
