import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.logging.log4j.Logger;
import org.apache.logging.log4j.core.LoggerContext;
import org.apache.logging.log4j.core.config.Configurator;

/** Logs the lines of stdin. */
public class Lines {
    public static void main(String[] arguments) throws Exception {
        boolean isMapped = arguments[0].equals("mapped");
        LoggerContext context = Configurator.initialize("zoo", "log4j2.xml");
        Logger log = context.getLogger("shop.Orders");
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        int count = 0;
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String level = line.substring(0, line.indexOf(' '));
            String text = line.substring(level.length() + 1);
            switch (level) {
                case "warn" -> log.warn(text);
                case "error" -> log.error(text);
                case "trace" -> log.error(text, new IllegalStateException("no such order"));
                default -> log.info(text);
            }
            count++;
            if (isMapped && count % 400 == 0) {
                Configurator.shutdown(context);
                Path active = Path.of(System.getenv("LOGS"), "app.log");
                Files.move(active, active.resolveSibling("app.log." + count / 400));
                context = Configurator.initialize("zoo", "log4j2.xml");
                log = context.getLogger("shop.Orders");
            }
        }
        Configurator.shutdown(context);
    }
}
