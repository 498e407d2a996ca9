using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Pedigree.Cli;

/// <summary>The usual help, and below it the verb's examples.</summary>
internal sealed class HelpWithExamples(HelpAction usual) : SynchronousCommandLineAction
{
    /// <summary>Examples may be asked for with any other mistake on the line.</summary>
    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        int code = usual.Invoke(parseResult);
        string[] examples = parseResult.CommandResult.Command is Verb verb
            ? verb.Examples
            : ["pedigree demo", "pedigree run --help"];
        TextWriter output = parseResult.InvocationConfiguration.Output;
        output.WriteLine(examples.Length == 1 ? "Example:" : "Examples:");
        foreach (string example in examples)
            output.WriteLine($"  {example}");
        return code;
    }
}
