"""Expansion of macros: what each command of TeX and LaTeX does to a text, and what stays as written."""

import pytest

from corpusmill.filters.latex.expand import expand_macros

R = r"\newcommand{\R}{\mathbb{R}}"
F = r"\newcommand{\f}[1]{<#1>}"

EXPANDED = [
    pytest.param(r"a \R b", r"a \R b", id="unknown-commands-stay"),
    pytest.param(rf"{R}$x\in\R$.", r"$x\in\mathbb{R}$.", id="without-arguments"),
    pytest.param(rf"{R}\R y", r"\mathbb{R} y", id="space-behind-a-call-stays"),
    pytest.param(rf"{R}\R{{}} y", r"\mathbb{R}{} y", id="empty-group-behind-a-call-stays"),
    pytest.param(rf"{R}\Rn", r"\Rn", id="longer-names-are-others"),
    pytest.param(rf"{F}\f{{a}}b\f c\f \alpha d", r"<a>b<c><\alpha> d", id="group-or-token-as-argument"),
    pytest.param(rf"{F}\f {{a}}, \f%x" + "\n {b}, \\f\n{c}", "<a>, <b>, <c>", id="blanks-before-an-argument"),
    pytest.param(rf"{F}\f{{\f{{a{{}}}}}}", r"<<a{}>>", id="calls-in-arguments"),
    pytest.param(rf"{F}\f{{a\}}b}}\f{{\\}}", r"<a\}b><\\>", id="escapes-in-arguments"),
    pytest.param(rf"{F}\f{{a% }}" + "\n}", "<a% }\n>", id="comment-in-an-argument"),
    pytest.param(r"\newcommand\x{a}\newcommand* \y [1] {b#1}\x\y1", "ab1", id="without-braces-star-and-spaces"),
    pytest.param(r"\newcommand\x\alpha\x b", r"\alpha b", id="body-of-one-token"),
    pytest.param(r"\newcommand{\x}[2][a]{#1#2}\x{b}\x[c]{d}\x[{]}]e", "abcd]e", id="optional-argument"),
    pytest.param(r"\newcommand{\x}[1][a]{#1}\x [b] \x c", "b a c", id="optional-argument-alone"),
    pytest.param(r"\newcommand{\x}[2][\y]{#1#2}\newcommand\y{z}\x1", "z1", id="default-is-expanded-at-the-call"),
    pytest.param(r"\newcommand{\x}{a}\renewcommand{\x}{b}\x", "b", id="renewcommand"),
    pytest.param(r"\newcommand{\x}{a}\providecommand{\x}{b}\x", "a", id="providecommand-of-a-known-name"),
    pytest.param(r"\providecommand{\x}{b}\providecommand{\frac}{c}\x\frac", r"b\frac", id="providecommand"),
    pytest.param(r"\DeclareRobustCommand{\x}[1]{a#1}\x b", "ab", id="robust"),
    pytest.param(r"\renewcommand{\vec}[1]{\mathbf{#1}}\vec x", r"\mathbf{x}", id="a-standard-command-of-one's-own"),
    pytest.param(r"\let\old\vec\renewcommand\vec[1]{\old{\mathbf #1}}\vec{x}", r"\vec{\mathbf x}", id="old-meaning"),
    pytest.param(r"\DeclareMathOperator{\Tr}{Tr}\Tr A", r"\operatorname{Tr} A", id="operator"),
    pytest.param(r"\DeclareMathOperator*\x{a\,b}\x_c", r"\operatorname*{a\,b}_c", id="operator-with-limits"),
    pytest.param(r"\newcommand{\x}{A\xspace}\x b", r"A\xspace b", id="xspace-stays"),
    pytest.param(r"\def\x{a}\def\y#1#2{#2#1}\x\y{b}c", "acb", id="def"),
    pytest.param(r"\def\x(#1,#2){#2#1}\x(a,{(b,c)})", "(b,c)a", id="def-with-delimiters"),
    pytest.param(r"\def\x#1\end#2{[#1|#2]}\x a\b\end c", r"[a\b|c]", id="def-with-a-word-as-delimiter"),
    pytest.param(r"\def\x#1.{[#1]}\x{a}. \x{a}{b}. \x.", "[a] [{a}{b}] []", id="delimited-group-loses-braces"),
    pytest.param(r"\def\x a#1 b{[#1]}\x ac b", "[c]", id="def-with-a-blank-in-a-delimiter"),
    pytest.param(r"\def\x#1#{[#1]}\x ab{c}", "[ab]{c}", id="def-up-to-a-brace"),
    pytest.param(r"\def\*{\alpha}\*b \*{}", r"\alpha b \alpha{}", id="control-symbol"),
    pytest.param(r"\long\def\x{a}\outer\global\protected\def\y{b}\x\y", "ab", id="prefixes"),
    pytest.param(r"{\def\x{a}\x}\x", r"{a}\x", id="a-definition-holds-to-the-end-of-its-group"),
    pytest.param(r"\def\x{a}{\def\x{b}\x{\def\x{c}\x}\x}\x", "a".join(["{b{c}b}", ""]), id="inner-groups"),
    pytest.param(r"{\gdef\x{a}\global\def\y{b}\global\let\z\y}\x\y\z", "{}abb", id="global-definitions"),
    pytest.param(r"\def\x{a}\begingroup\def\x{b}\endgroup\x", r"\begingroup\endgroup a", id="begingroup"),
    pytest.param(r"\begin{a}\def\x{b}\x\end{a}\x", r"\begin{a}b\end{a}\x", id="environments-are-groups"),
    pytest.param(r"\begin{document}\def\x{b}\end{document}\x", r"\begin{document}\end{document}b", id="but-one"),
    pytest.param(r"\def\x{a}\def\y{\x}\edef\z{\x}\def\x{b}\y\z", "ba", id="edef-expands-now"),
    pytest.param(r"\def\x#1{<#1>}\edef\y#1{\x{#1}##}\y a", "<a>#", id="edef-with-arguments"),
    pytest.param(r"{\xdef\x{a}}\x", "{}a", id="xdef"),
    pytest.param(r"\def\x{a}\let\y\x\let\z = \x\def\x{b}\y\z\x", "aab", id="let-keeps-the-meaning"),
    pytest.param(r"\let\eps\varepsilon\eps x\eps", r"\varepsilon x\varepsilon", id="let-of-what-tex-defines"),
    pytest.param(r"\let\x=<\x\x", "<<", id="let-of-a-character"),
    pytest.param(r"\def\x{a}\let\x\relax\x", r"\x", id="let-to-nothing"),
    pytest.param(r"\LetLtxMacro{\x}{\y}\x", r"\y", id="let-of-a-package"),
    pytest.param(r"\let\nc\newcommand\nc{\x}{a}\x", "a", id="short-for-newcommand"),
    pytest.param(r"\def\nc{\newcommand}\nc{\x}[1]{a#1}\x b", "ab", id="macro-for-newcommand"),
    pytest.param(r"\newcommand\new[1]{\newcommand#1}\new{\x}{a}\x", "a", id="a-definition-that-goes-on-behind-a-call"),
    pytest.param(r"\newcommand\mk[1]{\def\x##1{#1##1}}\mk a\x b", "ab", id="definition-in-a-definition"),
    pytest.param(r"\def\be{\begin{equation}}\def\ee{\end{equation}}\be x\ee y", r"\begin{equation} x\end{equation} y",
                 id="short-for-an-environment"),
    pytest.param(r"\newcommand\x[2]{#1#2}\def\y{\x}\y ab", "ab", id="arguments-behind-an-expansion"),
    pytest.param(r"\def\x#1;{[#1]}\def\y{\x a}\y b;c", "[a b]c", id="an-argument-partly-in-an-expansion"),
    pytest.param(r"\newenvironment{n}[1]{N #1: }{ .}\begin{n}{a}b\end{n}c", "N a: b .c", id="environment"),
    pytest.param(r"\newenvironment*{n}[2][x]{#1#2(}{)}\begin{n}y z\end{n}", "xy( z)", id="environment-with-default"),
    pytest.param(r"\newenvironment{n}{\begin{m}}{\end{m}}\begin{n}\begin{n}a\end{n}\end{n}",
                 r"\begin{m}\begin{m}a\end{m}\end{m}", id="environments-in-environments"),
    pytest.param(r"\newenvironment{n}{\def\x{a}}{\x}\begin{n}b\end{n}\x", r"ba\x", id="the-end-is-in-the-group"),
    pytest.param(r"\NewDocumentCommand{\x}{m O{d} m}{#1#2#3}\x a{b}\x a[c]b", "adbacb", id="xparse"),
    pytest.param(r"\NewDocumentCommand\x{s+m}{\IfBooleanTF{#1}{S}{N}#2}\x*a\x b", "SaNb", id="xparse-star"),
    pytest.param(r"\NewDocumentCommand\x{o}{\IfNoValueTF{#1}{-}{#1}}\x[a] \x\ ", r"a -\ ", id="xparse-no-value"),
    pytest.param(r"\NewDocumentCommand\x{r()d<>}{#1\IfValueT{#2}{#2}}\x(a)<b>", "ab", id="xparse-brackets"),
    pytest.param(r"\NewDocumentCommand\x{O{}}{#1}\x[a[b]c]", "a[b]c", id="xparse-brackets-nest"),
    pytest.param(r"\NewDocumentEnvironment{n}{m}{<#1|}{|#1>}\begin{n}{a}b\end{n}", "<a|b|a>", id="xparse-environment"),
    pytest.param(r"\expandafter\def\csname x1\endcsname#1{<#1>}\csname x1\endcsname a", "<a>", id="csname"),
    pytest.param(r"\def\x{a}\csname x\endcsname\csname y\endcsname", r"a\csname y\endcsname", id="csname-of-a-name"),
    pytest.param(r"\makeatletter\def\x@y{a}\def\z{\x@y}\makeatother\z", r"\makeatletter\makeatother a", id="at"),
    pytest.param(r"a\iffalse b\ifx cd\fi e\else f\fi g", r"a f g", id="iffalse"),
    pytest.param(r"a\iftrue b\else c\fi d", "a b d", id="iftrue"),
    pytest.param(r"\newif\ifx\ifx a\else b\fi\xtrue\ifx c\else d\fi", "b c", id="newif"),
    pytest.param(r"\newif\ifd\def\x{\ifd a\else b\fi}\x\dtrue\x", " b a", id="newif-in-a-body"),
]  # fmt: skip

GLUED = [
    pytest.param(r"\newcommand\x[1]{\alpha#1}\x{b}\x{\beta}", r"\alpha b\alpha\beta", id="argument-behind-a-word"),
    pytest.param(r"\newcommand\x[1]{#1b}\x{\alpha}\x{1}", r"\alpha b1b", id="word-before-a-letter"),
    pytest.param(r"\def\x{R}\in\x", r"\in R", id="expansion-behind-a-word"),
    pytest.param(r"\def\x(#1){\alpha}\x()b\x()1", r"\alpha b\alpha1", id="expansion-before-a-letter"),
    pytest.param(r"\alpha\def\x{a}b", r"\alpha b", id="where-a-definition-was"),
    pytest.param(r"\def\*{}\alpha\*b", r"\alpha b", id="where-nothing-comes"),
    pytest.param(r"\let\*\alpha\*b\**", r"\alpha b\alpha*", id="other-name"),
    pytest.param(r"\def\x#1{\y}\def\*{\x{}}\*b", r"\y b", id="through-an-expansion"),
    pytest.param(r"\def\x{R}\\\x", r"\\R", id="a-line-break-is-no-word"),
]

AS_WRITTEN = [
    pytest.param(r"\section{a} \cite{b}", id="plain"),
    pytest.param(r"\begin{verbatim}\R{\end{verbatim}", id="verbatim"),
    pytest.param(r"\begin{lstlisting}[x]\R\def\R{}\end{lstlisting}", id="listing"),
    pytest.param(r"\begin{minted}{tex}\R\end{minted}", id="minted"),
    pytest.param(r"\begin{comment}\R\end{comment}", id="comment-environment"),
    pytest.param(r"\lstnewenvironment{code}{}{}\begin{code}\R\end{code}", id="verbatim-of-one's-own"),
    pytest.param(r"\verb|\R|\verb*+\R+\lstinline!\R!\lstinline{\R}\mintinline{tex}|\R|", id="verb"),
    pytest.param(r"\url{http://a/%\R}\href{b%\R}{c}\path{\R}", id="addresses"),
    pytest.param("% \\R \\def\\R{x}\n", id="comment"),
    pytest.param(r"\%\\", id="escapes"),
    pytest.param(r"\ifx\a\b c\else\def\x{d}\fi\x", id="definition-in-a-branch-that-may-not-be-taken"),
    pytest.param(r"\def\x{\ifmmode a\else b\fi}\x", id="mode"),
    pytest.param(r"\def\x{\@ifnextchar[{a}{b}}\x", id="look-ahead"),
    pytest.param(r"\newcommand\x[1]{\expandafter\y#1}\x{a}", id="order-of-expansion"),
    pytest.param(r"\newcommand\x[1]{\ifthenelse{\equal{#1}{}}{a}{b}}\x{}", id="ifthenelse"),
    pytest.param(r"\newcommand\x{\@startsection{a}}\x", id="internals"),
    pytest.param(r"\newcommand\x{\verb|a|}\x", id="verb-in-a-body"),
    pytest.param(r"\newenvironment{n}{\ifhmode\fi}{}\begin{n}a\end{n}", id="environment-that-asks-for-the-mode"),
    pytest.param(r"\edef\x{\arabic{page}}\x", id="counter-of-now"),
    pytest.param(r"\newcommand{x}{a}x", id="no-name"),
    pytest.param(r"\def~{a}~", id="active-character"),
    pytest.param(r"\newcommand{\x", id="definition-without-an-end"),
    pytest.param(r"\def\x#2{a}\x", id="parameters-out-of-order"),
    pytest.param(r"\newcommand\x[1]{#2}\x a", id="parameter-that-is-not-there"),
    pytest.param(r"\futurelet\x\y z", id="futurelet"),
    pytest.param(r"\let\x={", id="let-of-a-brace"),
    pytest.param(r"\newtheorem{t}{T}\begin{t}\end{t}", id="theorems"),
    pytest.param(r"\iffalse a", id="conditional-without-an-end"),
    pytest.param(r"a\fi\else b}", id="ends-without-a-begin"),
    pytest.param(r"\iff a \ifthenelse{b}{c}{d}\def~{}", id="not-conditionals"),
    pytest.param("\\", id="lone-backslash"),
]


@pytest.mark.parametrize(("source", "expected"), EXPANDED)
def test_macros_are_expanded(source, expected):
    assert expand_macros(source).text == expected


@pytest.mark.parametrize(("source", "expected"), GLUED)
def test_words_do_not_become_others(source, expected):
    assert expand_macros(source).text == expected


@pytest.mark.parametrize("source", AS_WRITTEN)
def test_the_rest_stays_as_written(source):
    assert expand_macros(source).text == source
    assert expand_macros(f"{R}{source}").text == source
